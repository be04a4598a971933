/**
 * Unchanged programs of other projects, through a tunnel: PostgreSQL with pg, OpenSSH, wrk.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { formatKey, generateKeyPair } from '@litz/core';
import { describeWith, programRequirement } from '@litz/testkit';
import { expect, test } from 'vitest';
import { Network } from '../../src/index.ts';
import { expose, forward, twoNetworks } from '../two-networks.ts';
import { freePort, postgresql, root, startPostgresql, startSshd } from './programs.ts';

const sshPrograms = [programRequirement('ssh', ['-V']), programRequirement('socat', ['-V'])];

describeWith([root, postgresql], 'PostgreSQL through a tunnel, with pg', () => {
  test('answers queries, returns many rows, and sends a notification', async () => {
    await using server = await startPostgresql();
    const [keysA, keysB] = [generateKeyPair(), generateKeyPair()];
    const hooks = { preUp: [], postUp: [], preDown: [], postDown: [] };
    const b = await Network.open({
      interface: {
        privateKey: keysB.privateKey,
        addresses: ['10.0.0.2/24'],
        listenPort: await freePort(),
        dns: [],
        ...hooks,
      },
      peers: [{ publicKey: keysA.publicKey, allowedIps: ['10.0.0.1/32'] }],
    });
    const file = join(server.folder, 'wg0.conf');
    const lines = [
      `[Interface]\nPrivateKey = ${formatKey(keysA.privateKey)}\nAddress = 10.0.0.1/24`,
      `[Peer]\nPublicKey = ${formatKey(keysB.publicKey)}\nAllowedIPs = 10.0.0.2/32`,
      `Endpoint = 127.0.0.1:${(await b.device.status()).listenPort}`,
    ];
    writeFileSync(file, lines.join('\n'), { mode: 0o600 });
    const program = join(import.meta.dirname, 'pg-client.mjs');
    const port = await expose(b, server.port);
    const client = spawn(process.execPath, [program, file, `${port}`], { timeout: 60_000 });
    client.stderr.pipe(process.stderr);
    expect(String(await buffer(client.stdout))).toBe('ok\n');
    await b.close();
  });
});

describeWith([root, ...sshPrograms], 'OpenSSH through a tunnel, with ProxyCommand', () => {
  test('copies 32 MiB both ways', async () => {
    await using server = await startSshd();
    await using networks = await twoNetworks();
    const { a, b } = networks;
    const proxy = await forward(a, '10.0.0.2', await expose(b, server.port));
    const { port } = proxy.address() as AddressInfo;
    const options = {
      ProxyCommand: `socat - TCP:127.0.0.1:${port}`,
      StrictHostKeyChecking: 'no',
      UserKnownHostsFile: '/dev/null',
      LogLevel: 'ERROR',
    };
    const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    const key = ['-i', join(server.folder, 'key'), '-F', '/dev/null'];
    const ssh = spawn('ssh', [...key, ...flags, 'root@10.0.0.2', 'cat'], { timeout: 90_000 });
    const sent = randomBytes(32 * 2 ** 20);
    ssh.stdin.end(sent);
    const received = await buffer(ssh.stdout);
    expect(digest(received)).toBe(digest(sent));
    proxy.close();
  });
});

describeWith([programRequirement('wrk', ['-v'])], 'wrk against node:http through a tunnel', () => {
  test('gets an answer to each request', async () => {
    await using networks = await twoNetworks();
    const { a, b } = networks;
    let requests = 0;
    const body = Buffer.alloc(1024, 'x');
    const http = createServer((_incoming, outgoing) => {
      requests++;
      outgoing.end(body);
    });
    await b.serve(http, { port: 80 });
    const proxy = await forward(a, '10.0.0.2', 80);
    const { port } = proxy.address() as AddressInfo;
    const wrk = spawn('wrk', ['-t1', '-c16', '-d2s', `http://127.0.0.1:${port}/`]);
    const text = String(await buffer(wrk.stdout));
    const [, answered] = /(\d+) requests in/.exec(text) ?? [];
    expect(text).not.toContain('Socket errors');
    expect(text).not.toContain('Non-2xx');
    expect(Number(answered)).toBeGreaterThan(100);
    // wrk does not count requests that are open at the end.
    expect(requests - Number(answered)).toBeLessThanOrEqual(16);
    proxy.close();
  });
});

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
