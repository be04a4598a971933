import { closeSync, fstatSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { SharedState } from '../../src/linux/shared-state.ts';

const file = join(tmpdir(), `litz-shared-state-${process.pid}`);

afterEach(() => rmSync(file, { force: true }));

describe('SharedState', () => {
  it('shows a stop to the other side, and wakes it', () => {
    const state = new SharedState();
    const other = new SharedState(state.memory);
    const fd = openSync(file, 'w');
    other.eventFd = fd;
    expect(other.isStopped).toBe(false);
    state.stop();
    expect(other.isStopped).toBe(true);
    closeSync(fd);
    expect([...readFileSync(file)]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('stops before there is anything to wake', () => {
    const state = new SharedState();
    state.stop();
    expect(new SharedState(state.memory).isStopped).toBe(true);
  });

  it('closes what was left open, and nothing else', () => {
    const state = new SharedState();
    const [a, b, c] = [0, 1, 2].map(() => openSync(file, 'w')) as [number, number, number];
    state.opened(a);
    state.opened(b);
    state.closing(a);
    state.eventFd = c;
    state.release();
    state.release();
    expect(fstatSync(a).isFile()).toBe(true);
    expect(() => fstatSync(b)).toThrow(/EBADF/);
    expect(() => fstatSync(c)).toThrow(/EBADF/);
    closeSync(a);
  });

  it('refuses more descriptors than it has room for, and has the others', () => {
    const state = new SharedState();
    let fd = 1000;
    const openAll = (): void => {
      while (fd < 2000) state.opened(fd++);
    };
    expect(openAll).toThrow(RangeError);
    const refused = fd - 1;
    expect(refused).toBeLessThan(2000);
    expect(() => state.opened(refused)).toThrow(RangeError);
    state.closing(1000);
    state.opened(refused);
    for (let known = 1001; known <= refused; known++) state.closing(known);
    expect([...new Int32Array(state.memory)].slice(1).every((word) => word === -1)).toBe(true);
  });

  it('does not mind a descriptor that it does not know', () => {
    const state = new SharedState();
    state.closing(5);
    state.release();
    expect(state.isStopped).toBe(false);
  });
});
