import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { isZeroKey, type WgQuickConfig } from '@litz/config';
import { Network } from '@litz/net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  runProxy,
  type OpenNetwork,
  type RunProxyOptions,
} from '../../../src/commands/proxy/run-proxy.ts';
import type { ProxyFlags } from '../../../src/proxy/proxy-flags.ts';
import { TunnelProxy } from '../../../src/proxy/tunnel-proxy.ts';
import { keyPair } from '../../key-pair.ts';
import { connectTo, LoopbackNetwork, readAll, TestServer, until } from '../../proxy/loopback.ts';

const { privateKey, publicKey } = keyPair();
const TUNNEL = [
  '[Interface]',
  `PrivateKey = ${privateKey}`,
  'Address = 10.0.0.1/32',
  '[Peer]',
  `PublicKey = ${publicKey}`,
  'Endpoint = 192.0.2.1:51820',
];

let folder: string;
let printed: string[];
let ending: AbortController;
let network: TunnelStub;
let configs: WgQuickConfig[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-proxy-'));
  printed = [];
  configs = [];
  ending = new AbortController();
  network = new TunnelStub();
});

afterEach(() => {
  ending.abort();
  rmSync(folder, { recursive: true });
});

describe('runProxy', () => {
  test('serves until the signal, and then closes the tunnel', async () => {
    const echo = await TestServer.echo();
    const run = start(TUNNEL, { forward: [`0=127.0.0.1:${echo.port}`], info: '0' });
    await until(() => printed.length === 2);
    expect(printed[0]).toMatch(
      /wg0\.conf: TCP port 127\.0\.0\.1:\d+ leads to 127\.0\.0\.1:\d+ in the tunnel$/,
    );
    expect(printed[1]).toMatch(/wg0\.conf: \/readyz and \/metrics on 127\.0\.0\.1:\d+$/);
    const socket = await connectTo(Number(/port \S+:(\d+)/.exec(printed[0])![1]));
    socket.end('x');
    expect(String(await readAll(socket))).toBe('x');
    const info = /on (\S+)$/.exec(printed[1])![1];
    expect((await fetch(`http://${info}/readyz`)).status).toBe(200);
    const metrics = await (await fetch(`http://${info}/metrics`)).text();
    expect(metrics).toContain('litz_proxy_connections_total{service="forward"} 1');
    expect(metrics).toContain('wireguard_bytes_rcvd{peer_key="KEY"');
    expect(network.isClosed).toBe(false);
    ending.abort();
    await run;
    expect(network.isClosed).toBe(true);
    await echo.close();
  });

  test('opens the tunnel of the file, and wipes its private key', async () => {
    const run = start(TUNNEL, { socks5: ['0'] });
    await until(() => printed.length === 1);
    const { privateKey: key } = configs[0].interface;
    expect(isZeroKey(key!)).toBe(true);
    ending.abort();
    await run;
  });

  test('reads the tunnel from the file that WGConfig names', async () => {
    const other = write('other.conf', TUNNEL);
    const run = start([`WGConfig = ${other}`, '[Socks5]', 'BindAddress = 127.0.0.1:0']);
    await until(() => printed.length === 1);
    expect(configs[0].peers).toHaveLength(1);
    ending.abort();
    await run;
    const both = start([`WGConfig = ${other}`, ...TUNNEL], { socks5: ['0'] });
    await expect(both).rejects.toThrow(
      /^WGConfig in .* contradicts its \[Interface\] or \[Peer\]$/,
    );
  });

  test('ends with the connection of --stdio, and prints nothing', async () => {
    const echo = await TestServer.echo();
    const [input, output] = [new PassThrough(), new PassThrough()];
    const flags = { stdio: [`127.0.0.1:${echo.port}`], socks5: ['0'] };
    const run = start(TUNNEL, flags, { streams: { input, output } });
    input.end('through');
    expect(await text(output)).toBe('through');
    await run;
    expect(printed).toEqual([]);
    expect(network.isClosed).toBe(true);
    await echo.close();
  });

  test('fails when the tunnel fails', async () => {
    const run = start(TUNNEL, { socks5: ['0'] });
    await until(() => printed.length === 1);
    network.fail(new Error('the packet loop crashed'));
    await expect(run).rejects.toThrow('the packet loop crashed');
    expect(network.isClosed).toBe(true);
  });

  test('closes the tunnel also if the proxy cannot be closed', async () => {
    const close = vi.spyOn(TunnelProxy.prototype, 'close').mockImplementation(async () => {
      throw new Error('a port was not closed');
    });
    try {
      const run = start(TUNNEL, { socks5: ['0'] });
      await until(() => printed.length === 1);
      ending.abort();
      await expect(run).rejects.toThrow('a port was not closed');
      expect(network.isClosed).toBe(true);
    } finally {
      const proxies = close.mock.contexts as TunnelProxy[];
      close.mockRestore();
      for (const proxy of proxies) await proxy.close();
    }
  });

  test('warns if other machines can use the proxy', async () => {
    const run = start(TUNNEL, { socks5: [':0'] });
    await until(() => printed.length === 2);
    expect(printed[1]).toMatch(/^WARNING: \*:0 is open to everyone/);
    ending.abort();
    await run;
  });

  test('with --check, reads the file and opens nothing', async () => {
    await start(TUNNEL, { socks5: ['0'], check: true });
    expect(configs).toEqual([]);
    expect(printed).toEqual([expect.stringMatching(/wg0\.conf: nothing is wrong$/)]);
  });

  test('with --check, reports a missing field without which the tunnel cannot be opened', async () => {
    const lines = TUNNEL.filter((line) => !line.startsWith('Address'));
    const checked = start(lines, { socks5: ['0'], check: true });
    await expect(checked).rejects.toThrow(/wg0\.conf: Address: expected in \[Interface\]/);
    expect(printed).toEqual([]);
  });

  test.each<[what: string, lines: string[], flags: Partial<ProxyFlags>, error: RegExp]>([
    ['no service', TUNNEL, {}, /^there is nothing to do/],
    [
      'a wrong tunnel',
      ['[Interface]', 'Address = x'],
      { socks5: ['0'] },
      /wg0\.conf:2: Address: expected/,
    ],
    ['a wrong section', ['[Socks5]'], {}, /wg0\.conf:1: \[socks5\]: BindAddress is missing/],
    [
      'a contradiction of file and flag',
      [...TUNNEL, '[Socks5]', 'BindAddress = 127.0.0.1:9'],
      { http: ['9'] },
      /\[socks5\] contradicts --http 9$/,
    ],
  ])('rejects because of %s before anything is opened', async (_, lines, flags, error) => {
    await expect(start(lines, flags)).rejects.toThrow(error);
    expect(configs).toEqual([]);
  });

  test('rejects if there is no such file', async () => {
    const run = runProxy('/none/wg0.conf', { maxConnections: 9, socks5: ['0'] }, options());
    await expect(run).rejects.toThrow('cannot read /none/wg0.conf: there is no such file (ENOENT)');
  });
});

/** Stands for the network of a tunnel. Its connections lead to servers on loopback. */
class TunnelStub extends LoopbackNetwork implements OpenNetwork {
  isClosed = false;
  fail: (error: Error) => void = () => {};
  readonly lost: Promise<never> = new Promise((_, reject) => (this.fail = reject));

  async ping(): Promise<void> {}

  async peers(): ReturnType<OpenNetwork['peers']> {
    const none = { lastHandshakeAt: 0, bytesReceived: 0, bytesSent: 0 };
    return [{ publicKey: 'KEY', endpoint: '', ...none }];
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

async function start(
  lines: readonly string[],
  flags: Partial<ProxyFlags> = {},
  more: Partial<RunProxyOptions> = {},
): Promise<void> {
  const file = write('wg0.conf', lines);
  await runProxy(file, { maxConnections: 100, ...flags }, { ...options(), ...more });
}

function options(): RunProxyOptions {
  return {
    env: {},
    signal: ending.signal,
    print: (line) => void printed.push(line),
    streams: { input: new PassThrough(), output: new PassThrough() },
    checkTunnel: (config, file) => Network.check(config, file),
    async openNetwork(config) {
      configs.push(config);
      return network;
    },
  };
}

function write(name: string, lines: readonly string[]): string {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  chmodSync(file, 0o600);
  return file;
}
