import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Endpoint } from '@litz/core';
import { SystemError } from '@litz/sys';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openPortableUdp, type PortableUdp, type PortableUdpOptions } from '../src/index.ts';
import { runOf } from './run-of.ts';

const LOOPBACK = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK6 = Uint8Array.of(...Array<number>(15).fill(0), 1);

const opened: PortableUdp[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.close();
});

describe('openPortableUdp', () => {
  test('chooses a port, and transmits datagrams in both directions', async () => {
    const [left, right] = [await open({}), await open({})];
    expect(left.port).not.toBe(right.port);
    left.send(Uint8Array.of(9, 1, 2, 3, 9), 1, 3, new Endpoint(LOOPBACK, right.port), 0);
    left.flush();
    const [there] = await received(right, 1);
    expect(there).toMatchObject({ bytes: [1, 2, 3], ecn: 0 });
    expect(there.source).toMatchObject({ address: LOOPBACK, port: left.port });
    right.send(Uint8Array.of(4), 0, 1, there.source, 0);
    right.flush();
    const [back] = await received(left, 1);
    expect(back).toMatchObject({ bytes: [4], source: { address: LOOPBACK, port: right.port } });
  });

  test('transmits IPv6 on the same port if the system supports it', async () => {
    const [left, right] = [await open({}), await open({})];
    left.send(Uint8Array.of(1), 0, 1, new Endpoint(LOOPBACK6, right.port), 0);
    left.send(Uint8Array.of(2), 0, 1, new Endpoint(LOOPBACK, right.port), 0);
    left.flush();
    // A system without IPv6 drops and counts the IPv6 datagram, and transmits the IPv4 one.
    await vi.waitFor(() => {
      expect(left.counters.sentDatagrams + left.counters.sendDroppedFailed).toBe(2);
    });
    const seen = await received(right, left.counters.sentDatagrams);
    for (const { bytes, source } of seen)
      expect(source.address.length).toBe(bytes[0] === 1 ? 16 : 4);
  });

  test.each([
    [10, 10, 10, Number.NaN],
    [10, 10, 10, 0.5],
    [10, 10, 10, 0],
    [10, 10, 10.5, 2],
  ])(
    'refuses a run of datagrams of %d bytes, the last one of %d, with stride %d and count %d',
    async (each, last, stride, count) => {
      const socket = await open({});
      const destination = new Endpoint(LOOPBACK, socket.port);
      const send = (): void => {
        socket.sendRun(runOf(new Uint8Array(100), 0, each, last, stride, count, destination, 0));
      };
      expect(send).toThrow(/^"(length|lastLength|stride|count)" expected/);
    },
  );

  test('sends the datagrams of a run from their places in the buffer', async () => {
    const [left, right] = [await open({}), await open({})];
    const buffer = Uint8Array.from({ length: 100 }, (_, i) => i);
    left.sendRun(runOf(buffer, 10, 3, 2, 20, 3, new Endpoint(LOOPBACK, right.port), 0));
    left.flush();
    const seen = (await received(right, 3)).map(({ bytes }) => bytes);
    expect(seen).toEqual([
      [10, 11, 12],
      [30, 31, 32],
      [50, 51],
    ]);
  });

  test('rejects with EADDRINUSE if the port is taken', async () => {
    const taken = await open({});
    const error: unknown = await openPortableUdp({ port: taken.port }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SystemError);
    expect(error).toMatchObject({ errno: 'EADDRINUSE', syscall: 'bind' });
  });

  test('closes all sockets if the port is taken for one family', async () => {
    const squatter = createSocket({ type: 'udp6', ipv6Only: true });
    const bound = once(squatter.bind(0), 'listening').then(() => true);
    const hasSix = await Promise.race([bound, once(squatter, 'error').then(() => false)]);
    if (!hasSix) return;
    const { port } = squatter.address();
    await expect(openPortableUdp({ port })).rejects.toMatchObject({ errno: 'EADDRINUSE' });
    await once(squatter.close(), 'close');
    await open({ port });
  });

  test('refuses a port above 65535, and one that is not an integer', async () => {
    await expect(openPortableUdp({ port: 65536 })).rejects.toThrow(RangeError);
    await expect(openPortableUdp({ port: 1.5 })).rejects.toThrow(RangeError);
  });

  test('opens no IPv6 socket if the address to bind is an IPv4 address', async () => {
    const socket = await open({ host: '127.0.0.1' });
    socket.send(Uint8Array.of(1), 0, 1, new Endpoint(LOOPBACK6, socket.port), 0);
    socket.flush();
    expect(socket.counters.sendDroppedFailed).toBe(1);
  });
});

describe('PortableUdp', () => {
  test('copies each datagram that it sends, so that the caller may reuse the buffer', async () => {
    const [left, right] = [await open({}), await open({})];
    const buffer = Uint8Array.of(1, 2, 3);
    left.send(buffer, 0, 3, new Endpoint(LOOPBACK, right.port), 0);
    buffer.fill(9);
    left.flush();
    buffer.fill(8);
    expect((await received(right, 1))[0].bytes).toEqual([1, 2, 3]);
  });

  test('uses one endpoint object for one source', async () => {
    const [left, right] = [await open({}), await open({})];
    const destination = new Endpoint(LOOPBACK, right.port);
    for (let i = 0; i < 3; i++) left.send(Uint8Array.of(i), 0, 1, destination, 0);
    left.flush();
    const seen = await received(right, 3);
    expect(new Set(seen.map(({ source }) => source)).size).toBe(1);
  });

  test('keeps only as many datagrams as `receiveLimit` says, and counts those that it drops', async () => {
    const [left, right] = [await open({}), await open({ receiveLimit: 5 })];
    right.onReadable = undefined;
    const destination = new Endpoint(LOOPBACK, right.port);
    for (let i = 0; i < 20; i++) left.send(Uint8Array.of(i), 0, 1, destination, 0);
    left.flush();
    await vi.waitFor(() => expect(right.counters.receivedMessages).toBe(20));
    expect(right.counters.receiveDroppedOverflow).toBe(15);
    expect((await received(right, 5)).map(({ bytes }) => bytes[0])).toEqual([0, 1, 2, 3, 4]);
  });

  test('keeps only as many datagrams to send as `sendLimit` says, and reports those that it drops', async () => {
    const errors: number[] = [];
    const socket = await open({ sendLimit: 4, onSendError: (errno) => errors.push(errno) });
    const destination = new Endpoint(LOOPBACK, socket.port);
    for (let i = 0; i < 10; i++) socket.send(Uint8Array.of(i), 0, 1, destination, 0);
    socket.flush();
    expect(socket.counters.sendDroppedBufferFull).toBe(6);
    expect(errors).toHaveLength(6);
    expect(await received(socket, 4)).toHaveLength(4);
  });

  test('counts a datagram that is too large, and sends the next one', async () => {
    const [left, right] = [await open({}), await open({})];
    const destination = new Endpoint(LOOPBACK, right.port);
    left.send(new Uint8Array(70_000), 0, 70_000, destination, 0);
    left.send(Uint8Array.of(7), 0, 1, destination, 0);
    left.flush();
    expect((await received(right, 1))[0].bytes).toEqual([7]);
    await vi.waitFor(() => expect(left.counters.sendDroppedTooBig).toBe(1));
  });

  test('calls onReadable again only after receive has returned 0', async () => {
    const [left, right] = [await open({}), await open({})];
    const destination = new Endpoint(LOOPBACK, right.port);
    let calls = 0;
    right.onReadable = () => calls++;
    left.send(Uint8Array.of(1), 0, 1, destination, 0);
    left.send(Uint8Array.of(2), 0, 1, destination, 0);
    left.flush();
    await vi.waitFor(() => expect(right.counters.receivedMessages).toBe(2));
    expect(calls).toBe(1);
    expect([right.receive(() => {}), right.receive(() => {})]).toEqual([2, 0]);
    left.send(Uint8Array.of(3), 0, 1, destination, 0);
    left.flush();
    await vi.waitFor(() => expect(calls).toBe(2));
  });

  test('refuses a mark', async () => {
    const socket = await open({});
    socket.setMark(0);
    expect(() => socket.setMark(1)).toThrow(
      expect.objectContaining({ code: 'ERR_LITZ_UNSUPPORTED_PLATFORM' }),
    );
  });

  test('may be closed twice; afterwards it receives nothing, and its port is free', async () => {
    const socket = await open({});
    socket.send(Uint8Array.of(1), 0, 1, new Endpoint(LOOPBACK, socket.port), 0);
    socket.close();
    socket.close();
    socket.flush();
    socket.send(Uint8Array.of(1), 0, 1, new Endpoint(LOOPBACK, socket.port), 0);
    socket.flush();
    expect(socket.receive(() => {})).toBe(0);
    await open({ port: socket.port }); // the port is free again
  });
});

async function open(options: Partial<PortableUdpOptions>): Promise<PortableUdp> {
  const socket = await openPortableUdp({ port: 0, ...options });
  opened.push(socket);
  return socket;
}

interface Received {
  bytes: number[];
  source: Endpoint;
  ecn: number;
}

/** Waits for `count` datagrams, and returns them. */
async function received(socket: PortableUdp, count: number): Promise<Received[]> {
  const seen: Received[] = [];
  await vi.waitFor(
    () => {
      const sink = (u: Uint8Array, o: number, l: number, source: Endpoint, ecn: number): void => {
        seen.push({ bytes: [...u.subarray(o, o + l)], source, ecn });
      };
      while (socket.receive(sink) > 0);
      expect(seen.length).toBeGreaterThanOrEqual(count);
    },
    { timeout: 5000, interval: 5 },
  );
  return seen;
}
