/**
 * Tests the watch that reports changes in a directory.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { DirectoryWatch } from '../../../src/registry/file/directory-watch.ts';

describe('DirectoryWatch', () => {
  test('watches once even if it is started twice', () => {
    const watches = new Watches();
    const watch = new DirectoryWatch('/nodes', () => {}, watches.watch);
    watch.start();
    watch.start();
    expect(watches.open).toHaveLength(1);
  });

  test('reports changes until it is stopped', () => {
    const watches = new Watches();
    let changes = 0;
    const watch = new DirectoryWatch('/nodes', () => changes++, watches.watch);
    watch.start();
    watches.open[0].onChange();
    watch.stop();
    expect([changes, watches.open.length]).toEqual([1, 0]);
  });

  test('starts again after a watch that failed to start or that ended', () => {
    const watches = new Watches();
    const watch = new DirectoryWatch('/nodes', () => {}, watches.watch);
    watches.isFull = true;
    watch.start();
    watches.isFull = false;
    watch.start();
    watches.open[0].onEnd();
    watch.start();
    expect(watches.open).toHaveLength(1);
  });

  test('does not start after it was closed', () => {
    const watches = new Watches();
    const watch = new DirectoryWatch('/nodes', () => {}, watches.watch);
    watch.start();
    watch.close();
    watch.start();
    expect(watches.open).toHaveLength(0);
  });
});

class Watches {
  open: { onChange: () => void; onEnd: () => void }[] = [];
  isFull = false;

  watch = (_path: string, onChange: () => void, onEnd: () => void): (() => void) => {
    if (this.isFull) throw Object.assign(new Error('no more watches'), { code: 'ENOSPC' });
    const watch = { onChange, onEnd };
    this.open.push(watch);
    return () => {
      this.open = this.open.filter((other) => other !== watch);
    };
  };
}
