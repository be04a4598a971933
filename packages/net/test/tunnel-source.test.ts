import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseConfig, type WgQuickInput } from '@litz/config';
import { formatKey, generateKeyPair } from '@litz/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkTunnelSource, readTunnelSource, toDevice } from '../src/tunnel-source.ts';

const KEYS = generateKeyPair();
const FILE = `[Interface]
PrivateKey = ${formatKey(KEYS.privateKey)}
Address = 10.0.0.1/24
[Peer]
PublicKey = ${formatKey(KEYS.publicKey)}
Endpoint = 192.0.2.1:51820`;

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'litz-source-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('readTunnelSource', () => {
  test('takes a configuration', async () => {
    const source = await readTunnelSource(config({}));
    expect(source).toMatchObject({
      addresses: ['10.0.0.1', 'fd00::1'],
      dns: ['10.0.0.53'],
      mtu: 1380,
    });
  });

  test('says what is missing', async () => {
    const none = { ...config({}), peers: [] };
    await expect(readTunnelSource(none)).rejects.toThrow(
      'configuration: PublicKey: expected a [Peer]',
    );
    const silent = config({ endpoint: '' });
    await expect(readTunnelSource(silent)).rejects.toThrow('configuration: Endpoint: expected');
    silent.interface.listenPort = 51_820;
    expect((await readTunnelSource(silent)).addresses).toHaveLength(2);
  });
});

describe('readTunnelSource with a file', () => {
  test('reads a file by its path and by its URL', async () => {
    const file = join(newFolder(), 'with space.conf');
    writeFileSync(file, FILE);
    expect((await readTunnelSource(file)).addresses).toEqual(['10.0.0.1']);
    expect((await readTunnelSource(pathToFileURL(file))).addresses).toEqual(['10.0.0.1']);
  });

  test('names what cannot be read, and why', async () => {
    const folder = newFolder();
    await expect(readTunnelSource('/dev/zero')).rejects.toThrow(
      '/dev/zero: it is a device instead of a file',
    );
    await expect(readTunnelSource(folder)).rejects.toThrow(
      `${folder}: it is a folder instead of a file`,
    );
    await expect(readTunnelSource(pathToFileURL(folder))).rejects.toThrow(
      `file://${folder}: it is a folder instead of a file`,
    );
    const missing = join(folder, 'none.conf');
    await expect(readTunnelSource(missing)).rejects.toThrow(`ENOENT: no such file or directory`);
    await expect(readTunnelSource(missing)).rejects.toThrow(missing);
  });

  test('waits for a pipe without blocking the event loop, until the signal is aborted', async () => {
    const pipe = join(newFolder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const control = new AbortController();
    const read = readTunnelSource(pipe, undefined, control.signal);
    setImmediate(() => control.abort(new Error('no longer wanted')));
    await expect(read).rejects.toThrow('no longer wanted');
  });
});

describe('the field DNS', () => {
  test('is refused if it has a wrong address, which must not become a search domain', async () => {
    const given = config({});
    const wrong = {
      ...given,
      interface: { ...given.interface, dns: ['example.test', '10.0.0.553'] },
    };
    await expect(readTunnelSource(wrong)).rejects.toThrow(
      'configuration: DNS: expected the address of a server or a search domain, got "10.0.0.553"',
    );
  });

  test('has the line of its mistake in the error, if the configuration was parsed', async () => {
    const text = `[Interface]
PrivateKey = ${formatKey(KEYS.privateKey)}
Address = 10.0.0.1/24
DNS = 10.0.0.553
[Peer]
PublicKey = ${formatKey(KEYS.publicKey)}
Endpoint = 192.0.2.1:51820`;
    expect(() => checkTunnelSource(parseConfig(text), 'wg0.conf')).toThrow('wg0.conf:4: DNS: exp');
  });
});

describe('toDevice', () => {
  test('looks up endpoints that are names, and keeps the names', async () => {
    const source = await readTunnelSource(config({ endpoint: 'vpn.example:51820' }));
    const { peers } = await toDevice(source, { lookup: async () => '192.0.2.1' });
    expect(String(peers![0].endpoint)).toBe('192.0.2.1:51820');
    expect(peers![0].endpointName).toBe('vpn.example:51820');
  });

  test('sets no mark, because that needs a privilege', async () => {
    const source = await readTunnelSource(config({}, 7));
    const { fwmark, peers } = await toDevice(source, {});
    expect(fwmark).toBe(0);
    expect(peers![0]).not.toHaveProperty('endpointName');
  });

  test('names the line of an endpoint whose name does not exist', async () => {
    const text = `[Interface]
PrivateKey = ${formatKey(KEYS.privateKey)}
Address = 10.0.0.1/24
[Peer]
PublicKey = ${formatKey(KEYS.publicKey)}
Endpoint = no.example:51820`;
    const source = await readTunnelSource(parseConfig(text, { file: 'wg0.conf' }));
    const failed = toDevice({ ...source, file: 'wg0.conf' }, { lookup: findNothing });
    await expect(failed).rejects.toThrow('wg0.conf:6: Endpoint: cannot resolve the endpoint');
  });
});

async function findNothing(): Promise<string> {
  throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
}

function config({ endpoint = '192.0.2.1:51820' }: { endpoint?: string }, fwmark = 0): WgQuickInput {
  return {
    interface: {
      privateKey: KEYS.privateKey,
      addresses: ['10.0.0.1/24', 'fd00::1/64'],
      dns: ['10.0.0.53'],
      mtu: 1380,
      fwmark,
      preUp: [],
      postUp: [],
      preDown: [],
      postDown: [],
    },
    peers: [
      { publicKey: KEYS.publicKey, allowedIps: ['10.0.0.0/24'], ...(endpoint && { endpoint }) },
    ],
  };
}
