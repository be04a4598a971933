import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { formatKey } from '@litz/core';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UapiServer, type Device } from '../../src/index.ts';
import { ALICE, BOB, memoryDevice } from '../in-memory.ts';

const NAME = `litz${process.pid}`;
const execute = promisify(execFile);

const socketFolder = requirement('the right to write /var/run/wireguard', () => {
  mkdirSync('/var/run/wireguard', { recursive: true });
  accessSync('/var/run/wireguard', constants.W_OK);
});

let device: Device;
let server: UapiServer;

describeWith([socketFolder, programRequirement('wg')], 'UapiServer asked by wg', () => {
  beforeEach(async () => {
    ({ device } = await memoryDevice(ALICE));
    server = await UapiServer.listen(device, { path: UapiServer.path(NAME) });
  });

  afterEach(async () => {
    await server.close();
    await device.close();
  });

  it('is listed and shown', async () => {
    expect((await wg('show', 'interfaces')).split(/\s+/)).toContain(NAME);
    const { listenPort } = await device.status();
    const [privateKey, publicKey, port, mark] = (await wg('show', NAME, 'dump')).trim().split('\t');
    expect([privateKey, publicKey, port, mark]).toEqual([
      formatKey(ALICE.privateKey),
      formatKey(ALICE.publicKey),
      String(listenPort),
      'off',
    ]);
  });

  it('takes what wg set says, and shows it', async () => {
    const peer = formatKey(BOB.publicKey);
    const endpoint = ['endpoint', '[2001:db8::1]:51820'];
    const keepalive = ['persistent-keepalive', '25'];
    const allowedIps = ['allowed-ips', '10.0.0.2/32,fd00::/64'];
    await wg('set', NAME, 'peer', peer, ...endpoint, ...keepalive, ...allowedIps);
    const dump = (await wg('show', NAME, 'dump')).trim().split('\n');
    const shown = dump[1]?.split('\t') ?? [];
    expect(shown.slice(0, 4)).toEqual([peer, '(none)', endpoint[1], allowedIps[1]]);
    expect(shown.at(-1)).toBe('25');
    await wg('set', NAME, 'peer', peer, 'allowed-ips', '10.0.0.3/32');
    expect((await wg('show', NAME, 'allowed-ips')).trim()).toBe(`${peer}\t10.0.0.3/32`);
    await wg('set', NAME, 'peer', peer, 'remove');
    expect(await wg('show', NAME, 'peers')).toBe('');
  });

  it('takes a whole file with wg setconf, and gives it back with wg showconf', async () => {
    const conf = [
      '[Interface]',
      `ListenPort = ${(await device.status()).listenPort}`,
      `PrivateKey = ${formatKey(ALICE.privateKey)}`,
      '',
      '[Peer]',
      `PublicKey = ${formatKey(BOB.publicKey)}`,
      `PresharedKey = ${formatKey(BOB.privateKey)}`,
      'AllowedIPs = 10.0.0.2/32',
      'Endpoint = 192.0.2.2:51820',
      '',
    ].join('\n');
    const file = join(tmpdir(), `${NAME}.conf`);
    writeFileSync(file, conf, { mode: 0o600 });
    try {
      await wg('setconf', NAME, file);
    } finally {
      rmSync(file);
    }
    expect((await wg('showconf', NAME)).trim()).toBe(conf.trim());
  });

  it('refuses what cannot be done, and wg says so', async () => {
    const other = await memoryDevice(BOB);
    const { listenPort } = await other.device.status();
    await expect(wg('set', NAME, 'listen-port', String(listenPort))).rejects.toThrow(
      /Address already in use/,
    );
    await other.device.close();
  });
});

/** What wg prints. */
async function wg(...args: string[]): Promise<string> {
  return (await execute('wg', args)).stdout;
}
