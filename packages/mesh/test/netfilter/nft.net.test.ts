import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NetworkNamespace } from '@litz/sys';
import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { Nft } from '../../src/netfilter/nft.ts';
import { desireHost } from '../../src/plan/desire-host.ts';
import { request } from '../requests.ts';
import { namespaces, nftProgram } from '../requirements.ts';

describeWith([namespaces, nftProgram], 'Nft', () => {
  test.each(['pods', 'nodes', 'all'] as const)('loads every ruleset of mode %s', async (mode) => {
    const nft = create();
    for (const enforcement of ['permissive', 'enforce'] as const) {
      const registryAddresses = [
        { address: '192.168.50.12', port: 6443 },
        { address: 'fd50::11', port: 2379 },
      ];
      await nft.load(desireHost(request({ mode, enforcement, registryAddresses })).ruleset ?? '');
      expect(await nft.list()).toMatch(/chain clamp/);
    }
  });

  test('removes the table, and does nothing if there is none', async () => {
    const nft = create();
    await nft.remove();
    await nft.load(desireHost(request()).ruleset ?? '');
    await nft.remove();

    expect(await nft.list()).toBeUndefined();
  });

  test('reports the output of nft', async () => {
    await expect(create().load('table inet litz { nonsense }')).rejects.toThrow(
      /^nft: .*syntax error/,
    );
  });

  test('waits for a program that hangs, and for its children, only until the time limit', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'litz-nft-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const program = join(folder, 'nft');
    writeFileSync(program, '#!/bin/sh\nsleep 20\n', { mode: 0o755 });
    const nft = new Nft({ program, longestMs: 200 });
    const start = performance.now();
    await expect(nft.list()).rejects.toThrow(/nft -s list table .*: did not end within 200 ms/);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test('returns the version, or undefined if there is no program', async () => {
    expect(await create().version()).toMatch(/nftables v/);
    expect(await new Nft({ program: '/no/such/nft' }).version()).toBeUndefined();
  });
});

function create(): Nft {
  const namespace = NetworkNamespace.create();
  onTestFinished(() => namespace.close());
  return new Nft({ inNamespace: (run) => namespace.run(run) });
}
