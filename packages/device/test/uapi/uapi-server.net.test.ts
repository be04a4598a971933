import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { formatKey } from '@litz/core';
import { createPerson, describeWith, programRequirement, requirement } from '@litz/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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

describeWith([socketFolder, programRequirement('wg')], 'UapiServer with wg as its client', () => {
  beforeEach(async () => {
    ({ device } = await memoryDevice(ALICE));
    server = await UapiServer.listen(device, { path: UapiServer.path(NAME) });
  });

  afterEach(async () => {
    await server.close();
    await device.close();
  });

  it('is listed and shown by wg', async () => {
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

  it('applies wg set, and shows the result', async () => {
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

  it('applies a whole file with wg setconf, and returns it with wg showconf', async () => {
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
    await withFile(conf, (file) => wg('setconf', NAME, file));
    expect((await wg('showconf', NAME)).trim()).toBe(conf.trim());
  });

  describe('while keys are being replaced', () => {
    const next = createPerson(9);
    const nextOfBob = createPerson(8).publicKey;
    const [old, other] = [formatKey(BOB.publicKey), formatKey(nextOfBob)];
    const [mine, nextOfMine] = [formatKey(ALICE.privateKey), formatKey(next.privateKey)];

    beforeEach(async () => {
      await device.configure({
        nextPrivateKey: next.privateKey,
        peers: [
          { publicKey: BOB.publicKey, nextPublicKey: nextOfBob, allowedIps: ['10.0.0.2/32'] },
        ],
      });
    });

    it('does not show the next keys to wg', async () => {
      const dump = await wg('show', NAME, 'dump');
      expect(dump).not.toContain(other);
      expect(dump).not.toContain(nextOfMine);
    });

    it('keeps both keys of a peer that wg set names by its present key, and removes the peer if wg set removes that key', async () => {
      await wg('set', NAME, 'peer', old, 'persistent-keepalive', '25');
      expect(await shown()).toEqual([mine, nextOfMine, [[old, other, '1']]]);
      await wg('set', NAME, 'peer', old, 'remove');
      expect(await shown()).toEqual([mine, nextOfMine, []]);
    });

    it('removes the next key of a peer, or promotes it, if wg set names the peer by that key', async () => {
      await wg('set', NAME, 'peer', other, 'remove');
      expect(await shown()).toEqual([mine, nextOfMine, [[old, undefined, '1']]]);
      await device.configure({ peers: [{ publicKey: BOB.publicKey, nextPublicKey: nextOfBob }] });
      await wg('set', NAME, 'peer', other, 'persistent-keepalive', '25');
      expect(await shown()).toEqual([mine, nextOfMine, [[other, undefined, '1']]]);
    });

    it('promotes the next key if wg set gives it as the private key, and changes nothing if wg set gives the present key', async () => {
      await withFile(`${mine}\n`, (file) => wg('set', NAME, 'private-key', file));
      expect(await shown()).toEqual([mine, nextOfMine, [[old, other, '1']]]);
      await withFile(`${nextOfMine}\n`, (file) => wg('set', NAME, 'private-key', file));
      expect(await shown()).toEqual([nextOfMine, undefined, [[old, other, '1']]]);
    });

    it('ignores a peer whose key is a key of the device', async () => {
      await wg('set', NAME, 'peer', formatKey(next.publicKey), 'allowed-ips', '10.9.0.0/16');
      expect(await shown()).toEqual([mine, nextOfMine, [[old, other, '1']]]);
    });

    it.each([
      ['syncconf', 'the old key', old, other],
      ['syncconf', 'the next key', other, undefined],
      ['setconf', 'the old key', old, undefined],
      ['setconf', 'the next key', other, undefined],
    ])(
      'has the peer with the key from the file after wg %s with %s',
      async (command, _, key, nextKey) => {
        const conf = `[Interface]\nPrivateKey = ${mine}\n[Peer]\nPublicKey = ${key}\nAllowedIPs = 10.0.0.2/32\n`;
        await withFile(conf, (file) => wg(command, NAME, file));
        expect(await shown()).toEqual([mine, nextOfMine, [[key, nextKey, '1']]]);
      },
    );
  });

  it('refuses an impossible request, and wg reports it', async () => {
    const other = await memoryDevice(BOB);
    const { listenPort } = await other.device.status();
    await expect(wg('set', NAME, 'listen-port', String(listenPort))).rejects.toThrow(
      /Address already in use/,
    );
    await other.device.close();
  });
});

/**
 * Returns the two private keys of the device, and for each peer its two keys and the number of its
 * allowed IPs.
 */
async function shown(): Promise<unknown[]> {
  const { privateKey, nextPrivateKey, peers } = await device.status();
  return [
    privateKey && formatKey(privateKey),
    nextPrivateKey && formatKey(nextPrivateKey),
    peers.map(({ publicKey, nextPublicKey, allowedIps }) =>
      [publicKey, nextPublicKey].map((key) => key && formatKey(key)).concat(`${allowedIps.length}`),
    ),
  ];
}

/** Calls `use` with a file that has this text, and then removes the file. */
async function withFile(text: string, use: (file: string) => Promise<unknown>): Promise<void> {
  const file = join(tmpdir(), `${NAME}.conf`);
  writeFileSync(file, text, { mode: 0o600 });
  try {
    await use(file);
  } finally {
    rmSync(file);
  }
}

/** Runs wg. @returns what it prints */
async function wg(...args: string[]): Promise<string> {
  return (await execute('wg', args)).stdout;
}
