/**
 * An agent that can't start, and one that is asked to end: it ends, says why, and leaves nothing behind.
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
  ])('ends when %s has a port that is taken, and names both', async (flag, words) => {
    await host.run('ip', ['link', 'set', 'lo', 'up']);
    const agent = start(words);
    expect(await agent.end()).toBe(1);
    expect(agent.text).toContain(`litz: ${flag} 127.0.0.1:9999: another program has this port`);
    expect(readdirSync(join(folder, 'run'))).toEqual([]);
  });

  it('ends when what was saved is no choice, without a stack', async () => {
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

  it('ends when another agent runs in the network namespace, also with another interface', async () => {
    const first = start([], { name: 's0' });
    await first.says(/created a key for this node/);
    const second = start(['--state-dir', join(folder, 'other')], { name: 's1' });
    expect(await second.end()).toBe(1);
    expect(second.text).toMatch(/^litz: another agent \(s0, process \d+\) runs in this network/m);
    expect(readdirSync(folder)).not.toContain('other');
  });

  it('ends when nft fails, with what it said and without what steers a terminal', async () => {
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
