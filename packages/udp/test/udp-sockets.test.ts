import { Endpoint } from '@litz/core';
import { SystemError } from '@litz/sys';
import { describeWith, missingRequirements, requirement } from '@litz/testkit';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openUdp, SLOT_LENGTH, type UdpSockets, type UdpOptions } from '../src/index.ts';
import type { SuspectSources } from '../src/suspect-sources.ts';
import { runOf } from './run-of.ts';

const LOOPBACK = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK6 = Uint8Array.of(...Array<number>(15).fill(0), 1);

const opened: UdpSockets[] = [];
afterEach(() => {
  for (const sockets of opened.splice(0)) sockets.close();
});

const batched = requirement('batched UDP sockets (Linux with koffi)', () => {
  openUdp({ port: 0 }).close();
});
const sixLoopback = requirement('IPv6 loopback', () => {
  const sockets = openUdp({ port: 0 });
  sockets.send(new Uint8Array(1), 0, 1, new Endpoint(LOOPBACK6, 9), 0);
  sockets.flush();
  sockets.close();
  return sockets.counters.sentDatagrams === 1;
});
const addresses: [string, Uint8Array][] = [['127.0.0.1', LOOPBACK]];
if (missingRequirements([batched, sixLoopback]).length === 0) addresses.push(['::1', LOOPBACK6]);

describe('openUdp', () => {
  test.each([
    [{ port: 65536 }, 'port'],
    [{ port: -1 }, 'port'],
    [{ port: 0, mark: 2 ** 32 }, 'mark'],
    [{ port: 0, slots: 1.5 }, 'slots'],
    [{ port: 0, slots: 0 }, 'slots'],
  ])('refuses %o', (options, name) => {
    expect(() => openUdp(options)).toThrow(new RegExp(`"${name}" expected`));
  });
});

describeWith([batched], 'UdpSockets on loopback', () => {
  test.each(addresses)('receives at %s if loopbackOnly is set', (_name, address) => {
    const [left, right] = [open({}), open({ loopbackOnly: true })];
    left.send(Uint8Array.of(7), 0, 1, new Endpoint(address, right.port), 0);
    left.flush();
    const seen: Received[] = [];
    drain(right, seen);
    expect(seen.map(({ bytes }) => bytes)).toEqual([Uint8Array.of(7)]);
  });

  test('receives nothing at other addresses of the machine if loopbackOnly is set', () => {
    const [left, right, all] = [open({}), open({ loopbackOnly: true }), open({})];
    for (const { port } of [right, all]) {
      // Another address of the same interface: routed to this machine too.
      left.send(Uint8Array.of(7), 0, 1, new Endpoint(Uint8Array.of(127, 0, 0, 2), port), 0);
    }
    left.flush();
    const [heard, heardByAll]: [Received[], Received[]] = [[], []];
    drain(all, heardByAll);
    drain(right, heard);
    expect(heardByAll).toHaveLength(1);
    expect(heard).toEqual([]);
  });

  test.each(addresses)(
    'transmits 1000 datagrams in bursts of 100 without a change, to %s',
    (_name, address) => {
      const [left, right] = [open({}), open({})];
      const destination = new Endpoint(address, right.port);
      const memory = pattern(300_000);
      const seen: Received[] = [];
      // A burst is smaller than any receive buffer, so no datagram may be missing.
      for (let burst = 0; burst < 10; burst++) {
        for (let i = 0; i < 100; i++) {
          left.send(memory, burst * 1000 + i * 7, (i * 13) % 1400, destination, 0);
        }
        left.flush();
        drain(right, seen);
      }
      expect(seen).toHaveLength(1000);
      for (const [n, { bytes }] of seen.entries()) {
        const start = Math.floor(n / 100) * 1000 + (n % 100) * 7;
        expect(bytes).toEqual(memory.slice(start, start + (((n % 100) * 13) % 1400)));
      }
      expect(left.counters).toMatchObject({ sentDatagrams: 1000, sendDroppedFailed: 0 });
    },
  );

  test.each(addresses)(
    'reports source and local address at %s, and answers from there',
    (_n, address) => {
      const [left, right] = [open({}), open({})];
      left.send(new Uint8Array(9), 0, 9, new Endpoint(address, right.port), 0);
      left.flush();
      const [{ source }] = drain(right);
      expect(source).toMatchObject({ address, port: left.port, sourceAddress: address });
      expect(source.sourceInterface).toBeGreaterThan(0);
      right.send(new Uint8Array(5), 0, 5, source, 0);
      right.flush();
      expect(drain(left)[0]).toMatchObject({ source: { address, port: right.port } });
      expect(right.counters.sentWithoutSource).toBe(0);
    },
  );

  test.each(addresses)('carries the ECN bits of each datagram to %s', (_name, address) => {
    const [left, right] = [open({}), open({})];
    const destination = new Endpoint(address, right.port);
    for (const tos of [0, 1, 2, 3, 0x88, 0x8b])
      left.send(new Uint8Array(1), 0, 1, destination, tos);
    left.flush();
    expect(drain(right).map(({ ecn }) => ecn)).toEqual([0, 1, 2, 3, 0, 3]);
  });

  test('transmits the largest possible datagram, and counts a larger one as too big', () => {
    const [left, right] = [open({}), open({})];
    const memory = pattern(70_000);
    left.send(memory, 1, 65_507, new Endpoint(LOOPBACK, right.port), 0);
    left.send(memory, 1, 65_508, new Endpoint(LOOPBACK, right.port), 0);
    left.flush();
    const seen = drain(right);
    expect(seen).toHaveLength(1);
    expect(seen[0].bytes).toEqual(memory.slice(1, 65_508));
    expect(left.counters).toMatchObject({ sentDatagrams: 1, sendDroppedTooBig: 1 });
  });

  test('receives into one half of the memory, and leaves the other one as it is', () => {
    const { memory, right } = sixDatagramsForFourSlots();
    const offsets: number[] = [];
    const sink = (_: Uint8Array, offset: number): void => void offsets.push(offset);
    const first = (): number[] => [0, 1, 2, 3].map((slot) => memory[64 + slot * SLOT_LENGTH]);
    expect(right.receiveHalf(0, sink)).toBe(2);
    expect(first()).toEqual([0, 1, 0, 0]);
    expect(right.receiveHalf(1, sink)).toBe(2);
    expect(first()).toEqual([0, 1, 2, 3]);
    expect(right.receiveHalf(0, sink)).toBe(2);
    expect(first()).toEqual([4, 5, 2, 3]);
    expect(offsets).toEqual([0, 1, 2, 3, 0, 1].map((slot) => 64 + slot * SLOT_LENGTH));
    expect(right.receiveHalf(1, sink)).toBe(0);
    expect(() => right.receiveHalf(2, sink)).toThrow(RangeError);
  });

  test('receives into the given memory, slot by slot', () => {
    const { memory, right } = sixDatagramsForFourSlots();
    const offsets: number[] = [];
    const sink = (buffer: Uint8Array, offset: number): void => {
      expect(buffer).toBe(memory);
      expect(memory[offset]).toBe(offsets.length);
      offsets.push(offset);
    };
    expect([right.receive(sink), right.receive(sink), right.receive(sink)]).toEqual([4, 2, 0]);
    expect(offsets).toEqual([0, 1, 2, 3, 0, 1].map((slot) => 64 + slot * SLOT_LENGTH));
    expect(() => openUdp({ port: 0, memory: { buffer: memory, offset: 64 } })).toThrow(RangeError);
  });

  test('receives over IPv6 even if more IPv4 datagrams wait than fit into one batch', () => {
    if (addresses.length < 2) return;
    const [left, right] = [open({}), open({ slots: 2 })];
    const send = (address: Uint8Array, count: number): void => {
      const destination = new Endpoint(address, right.port);
      for (let i = 0; i < count; i++) left.send(new Uint8Array(1), 0, 1, destination, 0);
      left.flush();
    };
    send(LOOPBACK, 50);
    send(LOOPBACK6, 2);
    const lengths: number[] = [];
    for (let i = 0; i < 2; i++)
      right.receive((_b, _o, _l, { address }) => lengths.push(address.length));
    expect(lengths).toContain(16);
  });

  test('binds a given port, and throws if it is taken', () => {
    const first = open({});
    const error = thrown(() => openUdp({ port: first.port }));
    expect(error).toBeInstanceOf(SystemError);
    expect(error).toMatchObject({ errno: 'EADDRINUSE', syscall: 'bind' });
    first.close();
    expect(open({ port: first.port }).port).toBe(first.port);
  });

  test('counts datagrams that overflow the receive buffer', () => {
    const [left, right] = [open({}), open({ bufferBytes: 4096 })];
    const destination = new Endpoint(LOOPBACK, right.port);
    const memory = new Uint8Array(1400);
    for (let i = 0; i < 200; i++) left.send(memory, 0, 1400, destination, 0);
    left.flush();
    const before = drain(right).length;
    // The kernel reports its drops with the next datagram that it queues.
    left.send(memory, 0, 1, destination, 0);
    left.flush();
    expect(drain(right)).toHaveLength(1);
    expect(before).toBeLessThan(200);
    expect(right.counters.receiveDroppedOverflow).toBe(200 - before);
  });

  test('may be closed twice, and uses no descriptor afterwards', () => {
    const [left, right] = [open({}), open({})];
    const destination = new Endpoint(LOOPBACK, right.port);
    expect(left.fds.length).toBeGreaterThan(0);
    left.send(new Uint8Array(1), 0, 1, destination, 0);
    left.close();
    left.close();
    const successor = open({}); // gets the numbers of the closed descriptors
    left.flush();
    left.send(new Uint8Array(1), 0, 1, destination, 0);
    left.flush();
    left.setMark(0);
    expect(left.fds).toEqual([]);
    expect(left.receive(() => {})).toBe(0);
    expect(drain(right)).toEqual([]);
    expect(successor.fds.length).toBeGreaterThan(0);
  });

  test('can be closed by the sink', () => {
    const sockets = open({});
    for (const [, address] of addresses) {
      sockets.send(new Uint8Array(1), 0, 1, new Endpoint(address, sockets.port), 0);
    }
    sockets.flush();
    expect(sockets.receive(() => sockets.close())).toBe(1);
  });

  test('receives exactly what was sent when the kernel segments and coalesces datagrams', () => {
    const [left, right] = [open({ gso: true }), open({ gro: true })];
    const memory = pattern(300_000);
    for (const [, address] of addresses) {
      const destination = new Endpoint(address, right.port);
      const sent: Uint8Array[] = [];
      for (let i = 0; i < 150; i++) {
        const length = i % 40 === 39 ? 700 : 1452;
        left.send(memory, i * 1500, length, destination, 1);
        sent.push(memory.slice(i * 1500, i * 1500 + length));
      }
      left.flush();
      const seen = drain(right);
      expect(seen.map(({ bytes }) => bytes)).toEqual(sent);
      expect(new Set(seen.map(({ source }) => source)).size).toBe(1);
      expect(seen.every(({ ecn }) => ecn === 1)).toBe(true);
    }
    expect(left.counters.sentDatagrams).toBe(150 * addresses.length);
    expect(left.counters.sentMessages).toBeLessThan(10 * addresses.length);
    expect(right.counters.receivedMessages).toBeLessThan(10 * addresses.length);
  });

  test.each([false, true])(
    'sends the datagrams of runs from their places in the buffer, segmented: %s',
    (on) => {
      const [left, right] = [open({ gso: on }), open({ gro: on })];
      const memory = pattern(300_000);
      for (const [, address] of addresses) {
        const destination = new Endpoint(address, right.port);
        const sent: Uint8Array[] = [];
        let at = 48;
        for (const [each, last, stride, count] of [
          [1452, 1452, 1600, 40],
          [1452, 700, 1600, 40], // joins the message of the run before, and ends it
          [96, 96, 96, 3],
          [80, 80, 192, 30],
          [80, 1, 192, 2],
          [500, 500, 0, 1],
        ] as const) {
          left.sendRun(runOf(memory, at, each, last, stride, count, destination, 1));
          for (let i = 0; i < count; i++) {
            const from = at + i * stride;
            sent.push(memory.slice(from, from + (i < count - 1 ? each : last)));
          }
          at += count * stride;
        }
        left.flush();
        const seen = drain(right).map(({ bytes }) => bytes);
        expect(seen).toEqual(sent);
      }
      expect(left.counters.sentDatagrams).toBe(116 * addresses.length);
      expect(left.counters.sentMessages < 10 * addresses.length).toBe(on);
    },
  );

  test('sends the right datagrams if a callback calls sendRun during send or sendRun', () => {
    const right = open({});
    const memory = pattern(400);
    const plain = new Endpoint(LOOPBACK, right.port);
    const sourceAddress = Uint8Array.of(127, 0, 0, 9);
    const suspect = new Endpoint(LOOPBACK, right.port, { sourceAddress });
    const suspects = { size: 1, check: (to: Endpoint) => to.withoutSource() };
    const left: UdpSockets = open({
      suspects: suspects as unknown as SuspectSources,
      onSourceLost: () => left.sendRun(runOf(memory, 300, 7, 5, 9, 2, plain, 2)),
    });
    left.sendRun(runOf(memory, 10, 20, 15, 30, 3, suspect, 1));
    left.send(memory, 200, 30, suspect, 1);
    left.flush();
    const ofReport = [memory.slice(300, 307), memory.slice(309, 314)];
    const seen = drain(right);
    expect(seen.map(({ bytes }) => bytes)).toEqual([
      ...ofReport,
      memory.slice(10, 30),
      memory.slice(40, 60),
      memory.slice(70, 85),
      ...ofReport,
      memory.slice(200, 230),
    ]);
    expect(seen.map(({ ecn }) => ecn)).toEqual([2, 2, 1, 1, 1, 2, 2, 1]);
  });

  test('uses one endpoint object for one source', () => {
    const [left, right] = [open({}), open({})];
    const sources = new Set<Endpoint>();
    for (let i = 0; i < 300; i++) {
      left.send(new Uint8Array(1), 0, 1, new Endpoint(LOOPBACK, right.port), 0);
      left.flush();
      for (const { source } of drain(right)) sources.add(source);
    }
    expect(sources.size).toBe(1);
  });
});

describe('openUdp on another system', () => {
  test('throws ERR_LITZ_UNSUPPORTED_PLATFORM', async () => {
    const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    vi.resetModules();
    try {
      const fresh = await import('../src/index.ts');
      expect(thrown(() => fresh.openUdp({ port: 0 }))).toMatchObject({
        code: 'ERR_LITZ_UNSUPPORTED_PLATFORM',
      });
    } finally {
      Object.defineProperty(process, 'platform', platform);
      vi.resetModules();
    }
  });
});

/**
 * Sends six datagrams to `right`: one byte each, 0 to 5. `memory` has slots for four of them, from
 * byte 64 on.
 */
function sixDatagramsForFourSlots(): { memory: Uint8Array; right: UdpSockets } {
  const memory = new Uint8Array(4 * SLOT_LENGTH + 64);
  const [left, right] = [open({}), open({ slots: 4, memory: { buffer: memory, offset: 64 } })];
  for (let i = 0; i < 6; i++) {
    left.send(Uint8Array.of(i), 0, 1, new Endpoint(LOOPBACK, right.port), 0);
  }
  left.flush();
  return { memory, right };
}

function open(options: Partial<UdpOptions>): UdpSockets {
  const sockets = openUdp({ port: 0, ...options });
  opened.push(sockets);
  return sockets;
}

interface Received {
  bytes: Uint8Array;
  source: Endpoint;
  ecn: number;
}

/**
 * Receives until no datagram is left. Loopback delivers within the send call, so a datagram that is
 * missing was lost.
 */
function drain(sockets: UdpSockets, into: Received[] = []): Received[] {
  while (
    sockets.receive((buffer, offset, length, source, ecn) => {
      into.push({ bytes: buffer.slice(offset, offset + length), source, ecn });
    }) > 0
  );
  return into;
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7) ^ (i >> 8));
}

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
