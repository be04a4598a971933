import { execFileSync } from 'node:child_process';
import { describeWith, programRequirement } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { NftMonitor } from '../../src/index.ts';
import { linuxCalls, namespaces } from '../requirements.ts';
import { createNamespace } from '../two-namespaces.ts';

const INET = 1;

describeWith([linuxCalls, namespaces, programRequirement('nft')], 'NftMonitor', () => {
  test('reports changes of its table, and of no other table', () => {
    const { nft, monitor } = watch();
    nft('add table inet other');
    nft('add table ip litz');
    expect(monitor.read()).toBeUndefined();

    nft('add table inet litz');
    expect(monitor.read()).toBe('changed');
    expect(monitor.read()).toBeUndefined();

    nft('add chain inet litz some');
    nft('add rule inet litz some counter');
    expect(monitor.read()).toBe('changed');

    nft('flush ruleset');
    expect(monitor.read()).toBe('deleted');
  });

  test('reports a change for a table that was deleted and made again', () => {
    const { nft, monitor } = watch();
    nft('add table inet litz');
    nft('delete table inet litz');
    nft('add table inet litz');

    expect(monitor.read()).toBe('changed');
  });

  test('closes its socket', () => {
    const { monitor } = watch();
    monitor.close();
    expect(monitor.fd).toBe(-1);
  });
});

function watch(): { nft: (words: string) => void; monitor: NftMonitor } {
  const namespace = createNamespace();
  const monitor = namespace.run(() => new NftMonitor(INET, 'litz'));
  onTestFinished(() => monitor.close());
  return {
    nft: (words) => void namespace.run(() => execFileSync('nft', words.split(' '))),
    monitor,
  };
}
