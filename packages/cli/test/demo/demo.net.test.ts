import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { hasNamespacePrivilege } from '@litz/sys';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { userNamespaceFailure } from '../../src/demo/user-namespace.ts';

const LITZ = fileURLToPath(new URL('../../bin/litz.js', import.meta.url));

const built = requirement('the built litz', () =>
  existsSync(fileURLToPath(new URL('../../dist/main.js', import.meta.url))),
);
const tun = requirement('/dev/net/tun', () => {
  closeSync(openSync('/dev/net/tun', 'r+'));
});
const namespaces = requirement('the right to make network namespaces', hasNamespacePrivilege);
const userNamespaces = requirement('user namespaces', () => userNamespaceFailure() ?? true);

describeWith([built, tun, namespaces], 'litz demo with namespaces of its own', () => {
  it('shows a tunnel that works', { timeout: 30_000 }, () => {
    expect(runDemo('namespaces')).toMatchObject(A_TUNNEL_THAT_WORKS);
  });
});

describeWith([built, tun, userNamespaces], 'litz demo in a user namespace', () => {
  it('shows a tunnel that works', { timeout: 30_000 }, () => {
    expect(runDemo('user-namespace')).toMatchObject(A_TUNNEL_THAT_WORKS);
  });
});

describeWith([built], 'litz demo in memory', () => {
  it('shows a tunnel that works', { timeout: 30_000 }, () => {
    expect(runDemo('memory')).toMatchObject(A_TUNNEL_THAT_WORKS);
  });
});

interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

function runDemo(form: string): Run {
  const words = [LITZ, 'demo', '--form', form];
  return spawnSync(process.execPath, words, { encoding: 'utf8', timeout: 25_000 });
}

const A_TUNNEL_THAT_WORKS = {
  stderr: '',
  status: 0,
  stdout: expect.stringMatching(
    new RegExp(
      [
        String.raw`handshake +[\d.]+ ms`,
        String.raw`round trip +[\d.]+ ms \(median of \d+, 20 sent\)`,
        String.raw`throughput +[\d.]+ Gbit/s .*SHA-256 the same on both sides`,
        String.raw`on the wire .*: 1 initiation, 1 response, \d+ transport data`,
        '0 of them contain plaintext',
      ].join('[^]*'),
    ),
  ) as string,
};
