import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { LookupFunction } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, encode } from 'dns-packet';
import { formatKey, generateKeyPair } from '@litz/core';
import { Device } from '@litz/device';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Network, NetworkTun } from '../src/index.ts';
import { twoNetworks } from './two-networks.ts';

describe('Network', () => {
  test('carries streams, datagrams and pings through a tunnel', async () => {
    await using networks = await twoNetworks();
    const { a, b } = networks;
    const server = b.createServer((it) => it.pipe(it)).listen(80);
    const socket = a.connect(80, '10.0.0.2');
    socket.end('hello');
    expect(String(Buffer.concat(await socket.toArray()))).toBe('hello');
    server.close();
    const receiver = b.createSocket('udp6', (message, from) => {
      receiver.send(message, from.port, from.address);
    });
    receiver.bind(7);
    const sender = a.createSocket('udp6');
    sender.send('datagram', 7, 'fd00::2');
    expect(String((await once(sender, 'message'))[0])).toBe('datagram');
    const reply = await a.ping('10.0.0.2', { size: 1000 });
    expect(reply).toMatchObject({ address: '10.0.0.2', ttl: 64 });
    expect(reply.roundTripMs).toBeGreaterThan(0);
  });

  test('finds names with the DNS server of the tunnel', async () => {
    await using networks = await twoNetworks();
    const { a, b } = networks;
    serveNames(b, { 'www.example.test': '10.0.0.2' });
    expect(await a.lookup('www')).toEqual({ address: '10.0.0.2', family: 4 });
    const all = await a.lookup('www.example.test', { all: true });
    expect(all).toEqual([{ address: '10.0.0.2', family: 4 }]);
    const found = await new Promise((resolve) => {
      a.lookup('www', 4, (error, ...rest) => resolve([error, ...rest]));
    });
    expect(found).toEqual([null, '10.0.0.2', 4]);
    const server = b.createServer((it) => it.resume().end('by name')).listen(80);
    const socket = a.connect(80, 'www');
    expect(String(Buffer.concat(await socket.toArray()))).toBe('by name');
    const failed = a.connect(80, 'no.example');
    const [error] = (await once(failed, 'error')) as [NodeJS.ErrnoException];
    expect(error.message).toBe('getaddrinfo ENOTFOUND no.example: asked 10.0.0.2');
    server.close();
  });

  test('reaches its own servers, by address and as localhost', async () => {
    await using networks = await twoNetworks();
    const { a } = networks;
    const server = a.createServer((it) => it.resume().end(it.remoteAddress)).listen(80);
    const texts = await Promise.all(
      ['10.0.0.1', 'fd00::1', 'localhost'].map(async (host) => {
        const socket = a.connect(80, host);
        return String(Buffer.concat(await socket.toArray()));
      }),
    );
    expect(texts).toEqual(['10.0.0.1', 'fd00::1', '10.0.0.1']);
    expect(await a.ping('localhost')).toMatchObject({ address: '10.0.0.1' });
    server.close();
  });

  test('fails at once if no peer has the address', async () => {
    await using networks = await twoNetworks();
    const socket = networks.a.connect(80, '10.0.0.99');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.message).toBe('connect EHOSTUNREACH 10.0.0.99:80');
    await expect(networks.a.ping('10.0.0.99')).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
  });

  test('names the peer that does not answer', async () => {
    const { publicKey } = generateKeyPair();
    const peers = [{ publicKey, endpoint: '127.0.0.1:9', allowedIps: ['10.0.0.0/24'] }];
    await using network = await Network.open(
      { interface: ownInterface(), peers },
      { handshakeTimeout: 100 },
    );
    const key = formatKey(publicKey);
    const socket = network.connect(80, '10.0.0.2');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ETIMEDOUT');
    expect(error.message).toContain(`${key.slice(0, 4)}…${key.slice(-5)} at 127.0.0.1:9`);
    await expect(network.ping('10.0.0.2', { timeout: 20 })).rejects.toThrow(key.slice(-5));
  });

  test('looks the name of an endpoint up again when its peer is silent', async () => {
    const addresses = ['127.0.0.1', '127.0.0.2'];
    const peers = [
      {
        publicKey: generateKeyPair().publicKey,
        endpoint: 'peer.test:9',
        allowedIps: ['10.0.0.0/24'],
      },
    ];
    const lines = new EventEmitter<{ line: [string] }>();
    const resolve = {
      lookup: async () => addresses.shift()!,
      log: (line: string): void => void lines.emit('line', line),
    };
    const logged = once(lines, 'line');
    await using network = await Network.open(
      { interface: ownInterface(), peers },
      { handshakeTimeout: 100, resolve },
    );
    network.connect(80, '10.0.0.2').on('error', () => {});
    expect(String(await logged)).toContain('does not answer: peer.test is 127.0.0.2:9');
    const [peer] = (await network.device.status()).peers;
    expect(peer?.endpoint?.toString()).toBe('127.0.0.2:9');
  });

  test('opens a file, and says which field is missing in a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'litz-network-'));
    const file = join(folder, 'wg0.conf');
    const key = formatKey(generateKeyPair().privateKey);
    const peer = formatKey(generateKeyPair().publicKey);
    const parts = {
      PrivateKey: `PrivateKey = ${key}`,
      Address: 'Address = 10.0.0.1/24, fd00::1/64',
      DNS: 'DNS = 10.0.0.2, example.test',
      hooks: 'PostUp = iptables -A FORWARD\nTable = off\nSaveConfig = false',
      peer: `[Peer]\nPublicKey = ${peer}\nAllowedIPs = 10.0.0.0/24`,
      Endpoint: 'Endpoint = 127.0.0.1:9',
    };
    const textWithout = (part?: string): string =>
      [
        '[Interface]',
        ...Object.entries(parts).flatMap(([name, it]) => (name === part ? [] : [it])),
      ].join('\n');
    try {
      writeFileSync(file, textWithout());
      await using network = await Network.open(file);
      expect(network.addresses).toEqual(['10.0.0.1', 'fd00::1']);
      for (const missing of ['PrivateKey', 'Address', 'Endpoint']) {
        writeFileSync(file, textWithout(missing));
        await expect(Network.open(file)).rejects.toMatchObject({
          code: 'ERR_LITZ_INVALID_CONFIG',
          message: expect.stringMatching(new RegExp(`wg0\\.conf:\\d+: ${missing}: expected`)),
        });
      }
      await expect(Network.open(join(folder, 'none.conf'))).rejects.toThrow('ENOENT');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('takes a device that the program has made, and closes it', async () => {
    const tun = new NetworkTun({ addresses: ['10.0.0.1'] });
    const device = await Device.create({ tun, privateKey: generateKeyPair().privateKey });
    await expect(Network.open(device)).rejects.toThrow('"tun" expected the NetworkTun');
    const network = await Network.open(device, { tun });
    expect(network.device).toBe(device);
    await network.close();
    await expect(device.status()).rejects.toMatchObject({ code: 'ERR_LITZ_CLOSED' });
  });

  test('fails all sockets with the same reason when the device closes', async () => {
    await using networks = await twoNetworks();
    const { a, b } = networks;
    const server = b.createServer((it) => it.on('error', () => {})).listen(80);
    const socket = a.connect(80, '10.0.0.2');
    await once(socket, 'connect');
    const waiting = a.connect(81, 'name.example');
    const errors = [socket, waiting].map(async (it) => (await once(it, 'error'))[0] as Error);
    await a.device.close();
    const [first, second] = await Promise.all(errors);
    expect(first).toBe(second);
    expect(first).toMatchObject({ code: 'ERR_LITZ_CLOSED' });
    const late = a.connect(80, '10.0.0.2');
    expect((await once(late, 'error'))[0]).toBe(first);
    await expect(a.ping('10.0.0.2')).rejects.toBe(first);
    server.close();
  });

  test('delivers data that was sent before the network closes', async () => {
    await using networks = await twoNetworks();
    const { a, b } = networks;
    const received = new Promise<string>((resolve) => {
      b.createServer((it) => {
        let text = '';
        it.on('data', (data) => (text += String(data)));
        it.on('end', () => resolve(text));
      }).listen(80);
    });
    const socket = a.connect(80, '10.0.0.2');
    await once(socket, 'connect');
    socket.end('x'.repeat(200_000));
    await once(socket, 'finish');
    await a.close();
    expect((await received).length).toBe(200_000);
  });

  test('refuses wrong options', async () => {
    const none = {} as never;
    await expect(Network.open(none, { mtu: 100 })).rejects.toThrow('"mtu" expected an integer');
    const wrong = Network.open(none, { dns: ['10.0.0.553'] });
    await expect(wrong).rejects.toThrow('"dns" expected addresses of servers and search domains');
    await expect(Network.open(none, { what: 1 } as never)).rejects.toThrow('"options" expected');
    for (const [option, expected] of [
      [{ signal: {} }, '"signal" expected an AbortSignal, got Object'],
      [{ tun: {} }, '"tun" expected a NetworkTun, got Object'],
      [{ resolve: 1 }, '"resolve" expected an object, got a number'],
      [{ device: 1 }, '"device" expected an object, got a number'],
      [{ file: 1 }, '"file" expected a string, got a number'],
    ] as const) {
      await expect(Network.open(none, option as never)).rejects.toThrow(expected);
    }
    for (const source of [null, undefined, 7, {}, { interface: {} }]) {
      const opened = Network.open(source as never);
      await expect(opened).rejects.toThrow('"source" expected the path of a file');
    }
  });

  test('ends the reading of the file when the signal is aborted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'litz-network-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const pipe = join(folder, 'pipe.conf');
    execFileSync('mkfifo', [pipe]);
    const control = new AbortController();
    const opened = Network.open(pipe, { signal: control.signal });
    setImmediate(() => control.abort(new Error('no longer wanted')));
    await expect(opened).rejects.toThrow('no longer wanted');
  });

  test('refuses wrong arguments of its methods', async () => {
    await using networks = await twoNetworks();
    const { a } = networks;
    await expect(a.ping(7 as never)).rejects.toThrow('"destination" expected a string');
    await expect(a.ping('10.0.0.2', 7 as never)).rejects.toThrow('"options" expected an object');
    await expect(a.lookup(7 as never)).rejects.toThrow('"hostname" expected a string');
    const signal = {} as AbortSignal;
    const expected = '"signal" expected an AbortSignal, got Object';
    await expect(a.ping('10.0.0.2', { signal })).rejects.toThrow(expected);
    await expect(a.lookup('name', { signal })).rejects.toThrow(expected);
    expect(() => a.connect({ port: 80, host: '10.0.0.2', signal })).toThrow(expected);
    expect(() => a.createSocket({ type: 'udp4', signal })).toThrow(expected);
    expect(() => a.createServer().listen({ port: 80, signal })).toThrow(expected);
  });

  test('accepts a lookup function that returns one address, and passes on its errors', async () => {
    await using networks = await twoNetworks({ lookup: lookupOne });
    const { a } = networks;
    expect(await a.lookup('one')).toEqual({ address: '10.0.0.2', family: 4 });
    expect(await a.lookup('one', { all: true })).toEqual([{ address: '10.0.0.2', family: 4 }]);
    await expect(a.lookup('bad')).rejects.toThrow('no idea');
    expect(() => a.connect(80, 'bad')).toThrow('no idea');
    expect([a.host.waiting.size, a.host.isHeld]).toEqual([0, false]);
  });

  test('does not name an earlier error as the reason why the device was closed', async () => {
    await using networks = await twoNetworks();
    const { a } = networks;
    a.on('error', () => {});
    a.device.emit('error', new Error('a change was refused'));
    const socket = a.connect(80, '10.0.0.2');
    const failed = once(socket, 'error');
    await a.device.close();
    expect(((await failed)[0] as Error).cause).toBeUndefined();
  });

  test.each(['in turn', 'at once'])('closes both ends %s in less than a second', async (how) => {
    await using networks = await twoNetworks();
    const { a, b } = networks;
    const accepted = new Promise<void>((resolve) => {
      b.createServer((it) => it.on('error', () => {}).on('data', () => resolve())).listen(80);
    });
    const socket = a.connect(80, '10.0.0.2').on('error', () => {});
    socket.write('hello');
    await accepted;
    const began = performance.now();
    if (how === 'in turn') await a.close();
    await Promise.all([a.close(), b.close()]);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

function ownInterface() {
  const hooks = { preUp: [], postUp: [], preDown: [], postDown: [] };
  return {
    privateKey: generateKeyPair().privateKey,
    addresses: ['10.0.0.1/24'],
    dns: [],
    ...hooks,
  };
}

/** Starts a DNS server in a network. The server knows these names. */
function serveNames(network: Network, names: Record<string, string>): void {
  const socket = network.createSocket('udp4', (message, from) => {
    const { id, questions = [] } = decode(message);
    const [{ name, type }] = questions;
    const data = names[name];
    const answers =
      data !== undefined && type === 'A' ? [{ name, type, data, ttl: 60 } as const] : [];
    const flags = data === undefined ? 3 : 0;
    const reply = encode({ id: id!, type: 'response', flags, questions, answers });
    socket.send(reply, from.port, from.address);
  });
  socket.bind(53);
}

/** A lookup function that returns one address, as dns.lookup does without `all`. */
const lookupOne: LookupFunction = (hostname, _options, done) => {
  if (hostname === 'bad') throw new Error('no idea');
  done(null, '10.0.0.2', 4);
};
