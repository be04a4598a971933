/**
 * Tests the commands of docs/forwarding.md: a client reaches a host behind a server, through
 * the tunnel.
 *
 * @module
 */
import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { formatKey, generateKeyPair } from '@litz/core';
import { describeWith, programRequirement, requirement } from '../src/index.ts';

const root = join(import.meta.dirname, '../../..');
const requirements = [
  programRequirement('ip', ['-V']),
  programRequirement('nft'),
  programRequirement('ping', ['-V']),
  requirement('root', () => process.getuid?.() === 0),
  requirement('/dev/net/tun', () => existsSync('/dev/net/tun')),
  requirement('the built packages', () =>
    existsSync(join(root, 'packages/cli/dist/main.js')) ? true : 'run `tsc -b` first',
  ),
];
const LITZ = join(root, 'packages/cli/bin/litz.js');
const [CLIENT, SERVER, HOST] = ['client', 'server', 'host'].map(
  (name) => `litz-page-${name}-${process.pid}`,
) as [string, string, string];

describeWith(requirements, 'docs/forwarding.md', () => {
  test('has commands with which a client reaches a host behind the server', () => {
    const folder = mkdtempSync(join(tmpdir(), 'litz-page-'));
    onTestFinished(() => {
      for (const name of [CLIENT, SERVER, HOST]) {
        const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
        for (const pid of stdout.match(/\d+/g) ?? []) process.kill(Number(pid));
        spawnSync('ip', ['netns', 'delete', name]);
      }
      rmSync(folder, { recursive: true });
    });
    makeNamespaces();
    startTunnel(folder);

    expect(ping('192.168.1.2')).not.toBe(0);
    const [forward = '', mss = ''] = commandsOfPage();
    expect(run(SERVER, 'bash', '-ec', forward)).toMatchObject({ status: 0, stderr: '' });
    expect(ping('192.168.1.2')).toBe(0);
    expect(run(SERVER, 'bash', '-ec', mss)).toMatchObject({ status: 0, stderr: '' });
    expect(ping('192.168.1.2')).toBe(0);
    // The host has no route to the clients, so it saw the address of the server.
    expect(run(HOST, 'ip', 'route', 'get', '10.0.0.2').status).not.toBe(0);
  });
});

/** Client and server are connected by 192.0.2.0/24, server and host by 192.168.1.0/24. */
function makeNamespaces(): void {
  for (const name of [CLIENT, SERVER, HOST]) {
    ip(`netns add ${name}`);
    ip(`-n ${name} link set lo up`);
  }
  ip(`link add wan0 netns ${CLIENT} type veth peer name wan0 netns ${SERVER}`);
  ip(`link add eth0 netns ${SERVER} type veth peer name eth0 netns ${HOST}`);
  for (const [name, link, address] of [
    [CLIENT, 'wan0', '192.0.2.2/24'],
    [SERVER, 'wan0', '192.0.2.1/24'],
    [SERVER, 'eth0', '192.168.1.1/24'],
    [HOST, 'eth0', '192.168.1.2/24'],
  ]) {
    ip(`-n ${name} address add ${address} dev ${link}`);
    ip(`-n ${name} link set ${link} up`);
  }
}

function ip(words: string): void {
  execFileSync('ip', words.split(' '), { stdio: 'pipe' });
}

function startTunnel(folder: string): void {
  const [client, server] = [generateKeyPair(), generateKeyPair()];
  const files = {
    [SERVER]: `[Interface]
PrivateKey = ${formatKey(server.privateKey)}
Address = 10.0.0.1/24
ListenPort = 51820
[Peer]
PublicKey = ${formatKey(client.publicKey)}
AllowedIPs = 10.0.0.2/32
`,
    [CLIENT]: `[Interface]
PrivateKey = ${formatKey(client.privateKey)}
Address = 10.0.0.2/24
[Peer]
PublicKey = ${formatKey(server.publicKey)}
Endpoint = 192.0.2.1:51820
AllowedIPs = 10.0.0.0/24, 192.168.1.0/24
`,
  };
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name, 'wg0.conf');
    mkdirSync(join(folder, name));
    writeFileSync(file, text, { mode: 0o600 });
    // `ip netns exec` makes a mount namespace, so the client and the server each have their own
    // folder of sockets.
    const script =
      'mkdir -p /run/wireguard && mount -t tmpfs -o mode=700 none /run/wireguard && exec "$@"';
    const command = [process.execPath, LITZ, 'up', '--background', file];
    const { status, stderr } = run(name, 'sh', '-c', script, 'sh', ...command);
    expect({ name, status, failure: status === 0 ? '' : stderr }).toEqual({
      name,
      status: 0,
      failure: '',
    });
  }
}

function ping(address: string): number | null {
  return run(CLIENT, 'ping', '-c', '3', '-i', '0.2', '-w', '3', address).status;
}

/** Runs a program in a network namespace. */
function run(name: string, ...words: string[]): SpawnSyncReturns<string> {
  return spawnSync('ip', ['netns', 'exec', name, ...words], { encoding: 'utf8', timeout: 30_000 });
}

function commandsOfPage(): string[] {
  const text = readFileSync(join(root, 'docs/forwarding.md'), 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, code = '']) => code);
}
