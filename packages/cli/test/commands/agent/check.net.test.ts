import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair } from '@litz/core';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Host, uniqueName } from '../../host.ts';
import { realInterfaces, type LitzProcess } from '../../litz-process.ts';

let host: Host;
let folder: string;

describeWith(realInterfaces, 'litz agent check', () => {
  beforeEach(() => {
    host = new Host();
    folder = mkdtempSync(join(tmpdir(), 'litz-check-'));
    mkdirSync(join(folder, 'registry'));
    writeFileSync(join(folder, 'registry/n2.json'), recordText('n2', '192.0.2.2'));
  });

  afterEach(async () => {
    await host.close();
    rmSync(folder, { recursive: true });
  });

  it('accepts node prefixes that contain this node and all nodes of the registry', async () => {
    const check = start(['--node-prefix', '192.0.2.0/24']);
    expect({ code: await check.end(), text: check.text }).toMatchObject({ code: 0 });
    expect(check.text).toMatch(/^ok {6}node prefixes: 192\.0\.2\.0\/24; .* known records \(1\)$/m);
    expect(check.text).toMatch(/^ok {6}registry: has 1 records$/m);
  });

  it('exits with 1 if enforce would cut off a node of the registry, and names the node', async () => {
    const check = start(['--node-prefix', '192.0.2.1/32', '--enforcement', 'enforce']);
    expect(await check.end()).toBe(1);
    expect(check.text).toMatch(/^REFUSED node prefixes: .*: n2 \(192\.0\.2\.2\)\. Add/m);
  });

  it('reports that the registry cannot be read, and changes nothing', async () => {
    rmSync(join(folder, 'registry'), { recursive: true });
    const check = start([]);
    expect(await check.end()).toBe(0);
    expect(check.text).toMatch(/^note {4}registry: cannot be read: .*does not exist \(ENOENT\)$/m);
    expect(readdirSync(folder)).toEqual([]);
  });
});

function start(words: readonly string[]): LitzProcess {
  const registry = ['--registry', `file:${join(folder, 'registry')}`];
  const own = ['--node-ip', '192.0.2.1', '--prefixes', 'static:10.244.1.0/24'];
  const cluster = ['--cluster-prefix', '10.244.0.0/16', '--interface', uniqueName('c')];
  return host.litz(['agent', 'check', ...registry, ...own, ...cluster, ...words]);
}

function recordText(name: string, address: string): string {
  const publicKey = generateKeyPair().publicKey.toBase64();
  const keys = [{ publicKey, generation: 1, createdAt: '2026-01-31T12:00:00.000Z' }];
  const prefixes = ['10.244.2.0/24'];
  const rest = { port: 51_871, encryptsNode: false, sendsPlaintext: false, revoked: false };
  return JSON.stringify({ version: 1, name, addresses: [address], keys, prefixes, ...rest });
}
