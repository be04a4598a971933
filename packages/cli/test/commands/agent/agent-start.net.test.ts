/**
 * Tests the start of an agent. An agent that cannot start reports why and leaves nothing behind. An
 * agent that enforced before a restart enforces again before its registry answers.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Host, uniqueName } from '../../host.ts';
import { realInterfaces, type LitzProcess } from '../../litz-process.ts';

let host: Host;
let folder: string;

describeWith(realInterfaces, 'litz agent, at its start', () => {
  beforeEach(() => {
    host = new Host();
    folder = mkdtempSync(join(tmpdir(), 'litz-start-'));
  });

  afterEach(async () => {
    await host.close();
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['--metrics', ['--page', '127.0.0.1:9999', '--metrics', '127.0.0.1:9999']],
    ['--health', ['--metrics', '127.0.0.1:9999', '--health', '127.0.0.1:9999']],
  ])('ends when the port of %s is taken, and names the flag and the port', async (flag, words) => {
    await host.run('ip', ['link', 'set', 'lo', 'up']);
    const agent = start(words);
    expect(await agent.end()).toBe(1);
    expect(agent.text).toContain(`litz: ${flag} 127.0.0.1:9999: another program has this port`);
    expect(readdirSync(join(folder, 'run'))).toEqual([]);
  });

  it('ends without a stack trace if the saved choices are invalid', async () => {
    mkdirSync(join(folder, 'state'), { mode: 0o700 });
    const name = uniqueName('s');
    writeFileSync(join(folder, 'state', `${name}.choices.json`), 'garbage');
    const agent = start([], { name });
    expect(await agent.end()).toBe(1);
    expect(agent.text).toMatch(
      /^litz: .*choices.json: was not written by an agent; remove the file/m,
    );
    expect(agent.text).not.toContain('internal error');
  });

  it('ends when another agent runs in the same network namespace, even with another interface', async () => {
    const first = start([], { name: 's0' });
    await first.says(/created a key for this node/);
    const second = start(['--state-dir', join(folder, 'other')], { name: 's1' });
    expect(await second.end()).toBe(1);
    expect(second.text).toMatch(/^litz: another agent \(s0, process \d+\) runs in this network/m);
    expect(readdirSync(folder)).not.toContain('other');
  });

  it('enforces as before the restart while Kubernetes does not answer, and its rules stay when it ends', async () => {
    const state = join(folder, 'state');
    mkdirSync(state, { mode: 0o700 });
    const choices = { mode: 'pods', enforcement: 'enforce' };
    const saved = { version: 1, started: choices, chosen: choices, isDown: false };
    writeFileSync(join(state, 'k0.choices.json'), JSON.stringify(saved));
    const enforced = {
      version: 1,
      port: 51_871,
      mode: 'pods',
      prefixes: ['10.244.1.0/24'],
      addresses: ['192.0.2.1'],
      encryptsNode: false,
      clusterPrefixes: ['10.244.0.0/16'],
      registryAddresses: [],
    };
    writeFileSync(join(state, 'k0.enforced.json'), JSON.stringify(enforced));
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, KUBECONFIG);
    const places = ['--state-dir', state, '--control-dir', join(folder, 'run')];
    const registry = ['--registry', 'kubernetes', '--kubeconfig', kubeconfig, '--node', 'n1'];
    const flags = ['--enforcement', 'enforce', '--interface', 'k0', ...places, ...registry];
    const agent = host.litz(['agent', ...flags]);
    await agent.says(/enforce is in effect as before the restart, until the registry answers/);
    const table = ['route', 'show', 'table', '51871'];
    expect(await host.run('ip', table)).toContain('unreachable 10.244.0.0/16');
    expect(await host.run('ip', ['rule'])).toContain('to 10.244.0.0/16 lookup 51871');

    await host.run('ip', ['route', 'flush', 'table', '51871']);
    await agent.says(/restored the closed machine/);
    await agent.end('SIGTERM');
    expect(await host.run('ip', table)).toContain('unreachable 10.244.0.0/16');
    expect(await host.run('nft', ['list', 'chain', 'inet', 'litz', 'leaving'])).toContain('drop');
  });

  it('ends when nft fails, and prints the output of nft without control characters', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    const script =
      '#!/bin/sh\n[ "$1" = --version ] && exit 0\nprintf "\\033[31mboom" >&2; exit 1\n';
    writeFileSync(join(bin, 'nft'), script, { mode: 0o755 });
    const agent = start([], { path: `${bin}:${process.env['PATH']}` });
    expect(await agent.end()).toBe(1);
    expect(agent.text).toMatch(
      /^litz: cannot read the nftables ruleset: nft: \\u\{1b\}\[31mboom\n$/,
    );
  });
});

/** A kubeconfig for an API server that does not exist. */
const KUBECONFIG = `
apiVersion: v1
kind: Config
current-context: c
contexts: [{ name: c, context: { cluster: c, user: u } }]
clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:1' } }]
users: [{ name: u, user: { token: t } }]
`;

function start(
  words: readonly string[],
  { name = uniqueName('s'), path = process.env['PATH'] } = {},
): LitzProcess {
  const registry = ['--registry', `file:${join(folder, 'registry')}`, '--node', 'n1'];
  const own = ['--node-ip', '192.0.2.1', '--prefixes', 'static:10.244.1.0/24'];
  const places = ['--state-dir', join(folder, 'state'), '--control-dir', join(folder, 'run')];
  const all = ['agent', ...registry, ...own, ...places, '--interface', name, ...words];
  return host.litz(all, { env: { PATH: path } });
}
