import * as fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { UdpCounters } from '../src/counters.ts';
import { EndpointCache } from '../src/endpoint-cache.ts';
import { ReceiveBatch, SLOT_LENGTH, type ReceiveSource } from '../src/receive-batch.ts';
import { kernel, type IncomingMessage } from './fake-kernel.ts';

vi.mock(import('@litz/sys'), async (original) =>
  (await import('./fake-kernel.ts')).fakeSys(await original()),
);

const MSG_CTRUNC = 0x08;
const MSG_TRUNC = 0x20;

beforeEach(() => kernel.reset());

// A message is what one mmsghdr describes: one datagram, or several that the kernel has coalesced.
describe('ReceiveBatch', () => {
  test('passes datagrams at their places in the given memory', () => {
    const memory = new Uint8Array(3 * SLOT_LENGTH + 100);
    const { batch, socket } = open(3, memory, 100);
    kernel.incoming = [from4({ payload: bytes(50) }), from4({ payload: bytes(60) })];
    const seen = collect(batch, socket);
    expect(seen.map(({ offset, length }) => [offset, length])).toEqual([
      [100, 50],
      [100 + SLOT_LENGTH, 60],
    ]);
    expect(seen.every(({ buffer }) => buffer === memory)).toBe(true);
    expect(memory.subarray(100, 150)).toEqual(bytes(50));
    expect(seen[0].source).toBe(seen[1].source);
  });

  test('refuses memory that is too small', () => {
    const memory = new Uint8Array(2 * SLOT_LENGTH);
    expect(() => open(2, memory, 1)).toThrow(RangeError);
    expect(() => open(2, memory, 1)).toThrow('expected 131072 bytes from "offset" on, got 131071');
  });

  test('reports source, local address and ECN', () => {
    const { batch, socket } = open();
    kernel.incoming = [from4({ tos: 0xbb })];
    const [{ source, ecn }] = collect(batch, socket);
    expect(ecn).toBe(3);
    expect(source).toMatchObject({ port: 51820, sourceInterface: 4 });
    expect([...source.address]).toEqual([192, 0, 2, 7]);
    expect([...source.sourceAddress!]).toEqual([10, 0, 0, 1]);
  });

  test('receives at most as many messages in one call as it has slots', () => {
    const { batch, socket } = open(4);
    kernel.incoming = Array.from({ length: 10 }, () => from4({}));
    const counts = Array.from({ length: 4 }, () => {
      batch.reset();
      return batch.receive(socket, () => {});
    });
    expect(counts).toEqual([4, 4, 2, 0]);
  });

  test('receives fewer long messages at once, and more again when they are short', () => {
    const { batch, socket } = open(8);
    const long = new Uint8Array(60_000);
    const receive = (): number => {
      batch.reset();
      return batch.receive(socket, () => {});
    };
    kernel.incoming = Array.from({ length: 12 }, () => from4({ payload: long }));
    expect([receive(), receive(), receive(), receive()]).toEqual([8, 3, 1, 0]);
    kernel.incoming = Array.from({ length: 12 }, () => from4({}));
    expect([receive(), receive(), receive()]).toEqual([3, 8, 1]);
    kernel.incoming = Array.from({ length: 9 }, () => from4({ payload: new Uint8Array(0) }));
    expect([receive(), receive()]).toEqual([8, 1]);
  });

  test('receives full batches from one socket while another one has long messages', () => {
    const { batch, socket } = open(8);
    const other = { ...socket };
    const receive = (from: ReceiveSource, payload: Uint8Array): number => {
      kernel.incoming = Array.from({ length: 8 }, () => from4({ payload }));
      batch.reset();
      return batch.receive(from, () => {});
    };
    const long = new Uint8Array(60_000);
    receive(socket, long);
    expect(receive(other, bytes(20))).toBe(8);
    expect(receive(socket, long)).toBe(3);
  });

  test('receives from a second socket into the free slots of a batch', () => {
    const { batch, socket } = open(3);
    kernel.incoming = [from4({ payload: bytes(10) }), from4({ payload: bytes(11) })];
    batch.reset();
    batch.receive(socket, () => {});
    kernel.incoming = [from6({ payload: bytes(12) }), from6({ payload: bytes(13) })];
    const six = { ...socket, family: 6 as const, endpoints: new EndpointCache(6) };
    const seen: [number, number][] = [];
    batch.receive(six, (_buffer, offset, length) => seen.push([offset, length]));
    expect(seen).toEqual([[2 * SLOT_LENGTH, 12]]);
    expect(batch.receive(six, () => {})).toBe(0); // no slot is free
    expect(kernel.incoming).toHaveLength(1);
  });

  test('splits a coalesced message', () => {
    const { batch, socket, counters } = open();
    kernel.incoming = [from4({ payload: bytes(2500), segment: 1000 })];
    const seen = collect(batch, socket);
    expect(seen.map(({ offset, length }) => [offset, length])).toEqual([
      [0, 1000],
      [1000, 1000],
      [2000, 500],
    ]);
    expect(counters).toMatchObject({ receivedMessages: 1, receivedDatagrams: 3 });
  });

  test('passes a message that is shorter than its segment size as one datagram', () => {
    const { batch, socket } = open();
    kernel.incoming = [from4({ payload: bytes(25), segment: 1000 })];
    expect(collect(batch, socket).map(({ length }) => length)).toEqual([25]);
  });

  test('passes an empty datagram once', () => {
    const { batch, socket } = open();
    kernel.incoming = [from4({ payload: bytes(0) }), from4({ payload: bytes(0), segment: 0 })];
    expect(collect(batch, socket).map(({ length }) => length)).toEqual([0, 0]);
  });

  test.each([
    ['receiveDroppedTruncated', { flags: MSG_TRUNC }],
    ['receiveDroppedControl', { flags: MSG_CTRUNC }],
    ['receiveDroppedControl', { control: Uint8Array.of(3, ...Array<number>(30).fill(0)) }],
    ['receiveDroppedSegmentSize', { segment: 0 }],
    ['receiveDroppedSegmentSize', { segment: 70_000 }],
    ['receiveDroppedSource', { port: 0 }],
  ] as const)('counts %s and continues: %o', (counter, broken) => {
    const { batch, socket, counters } = open();
    kernel.incoming = [from4({}), from4(broken), from4({})];
    batch.reset();
    let delivered = 0;
    expect(batch.receive(socket, () => delivered++)).toBe(3);
    expect(delivered).toBe(2);
    expect(counters[counter]).toBe(1);
  });

  test('drops messages with an address of the other family', () => {
    const { batch, socket, counters } = open();
    kernel.incoming = [from6({})];
    expect(collect(batch, socket)).toEqual([]);
    expect(counters.receiveDroppedSource).toBe(1);
  });

  test('counts datagrams that the kernel dropped, also when its counter wraps', () => {
    const { batch, socket, counters } = open();
    kernel.incoming = [5, 0xffff_fffe, 0xffff_fffe, 3].map((overflow) => from4({ overflow }));
    collect(batch, socket);
    expect(counters.receiveDroppedOverflow).toBe(0xffff_fffe + 5);
  });

  test('continues after errors that our own datagrams caused', () => {
    const { batch, socket, counters } = open();
    kernel.incoming = [111, 113, 4, from4({})];
    expect(collect(batch, socket)).toHaveLength(1);
    expect(counters.receiveErrors).toBe(2);
  });

  test('throws when the socket itself is gone', () => {
    const { batch, socket } = open();
    kernel.incoming = [9];
    expect(() => collect(batch, socket)).toThrow('EBADF');
  });

  test('restores the lengths of address and control data for the next message', () => {
    const { batch, socket } = open(1);
    kernel.incoming = [from4({ control: new Uint8Array(0) }), from4({ tos: 1 })];
    expect(collect(batch, socket)[0].source.sourceAddress).toBeUndefined();
    expect(collect(batch, socket)[0]).toMatchObject({ ecn: 1, source: { sourceInterface: 4 } });
  });

  test('passes the bytes of a message in order and without a gap, or drops the message (fuzz)', () => {
    const { batch, socket } = open(2);
    const message = fc.record({
      size: fc.nat(SLOT_LENGTH),
      segment: fc.oneof(fc.integer({ min: -5, max: 70_000 }), fc.integer()),
      flags: fc.nat(0xff),
    });
    fc.assert(
      fc.property(message, ({ size, segment, flags }) => {
        fc.pre(segment < -1 || segment > 8);
        kernel.incoming = [from4({ payload: new Uint8Array(size), segment, flags })];
        let next = 0;
        batch.reset();
        const count = batch.receive(socket, (_buffer, offset, length) => {
          expect(offset).toBe(next);
          next += length;
        });
        expect(count).toBeGreaterThan(0);
        expect([0, size]).toContain(next);
      }),
      { numRuns: 50 },
    );
  });
});

interface Seen {
  buffer: Uint8Array;
  offset: number;
  length: number;
  source: { address: Uint8Array; port: number; sourceAddress: Uint8Array | undefined };
  ecn: number;
}

function collect(batch: ReceiveBatch, socket: ReceiveSource): Seen[] {
  const seen: Seen[] = [];
  batch.reset();
  batch.receive(socket, (buffer, offset, length, source, ecn) => {
    seen.push({ buffer, offset, length, source, ecn });
  });
  return seen;
}

function open(
  slots = 4,
  memory: Uint8Array = new Uint8Array(slots * SLOT_LENGTH),
  offset = 0,
): { batch: ReceiveBatch; socket: ReceiveSource; counters: UdpCounters } {
  const counters = new UdpCounters();
  const endpoints = new EndpointCache(4);
  const socket: ReceiveSource = {
    family: 4,
    fd: 5,
    endpoints,
    lastOverflow: 0,
    messageLength: 0,
  };
  return {
    batch: new ReceiveBatch(slots, memory, offset, counters),
    socket,
    counters,
  };
}

interface Incoming extends Partial<IncomingMessage> {
  port?: number;
  tos?: number;
  segment?: number;
  overflow?: number;
}

function from4({ port = 51820, ...rest }: Incoming): IncomingMessage {
  const name = Uint8Array.of(2, 0, port >> 8, port & 0xff, 192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0);
  const info = cmsg(0, 8, [4, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 1]);
  return incoming(name, [...info, ...cmsg(0, 1, [rest.tos ?? 0])], rest);
}

function from6(rest: Incoming): IncomingMessage {
  const name = Uint8Array.of(10, 0, 1, 2, 0, 0, 0, 0, 0x20, 1, ...Array<number>(18).fill(0));
  return incoming(name, [], rest);
}

function incoming(name: Uint8Array, control: number[], rest: Incoming): IncomingMessage {
  const { segment, overflow, payload = bytes(20), flags = 0 } = rest;
  const all = [...control];
  if (segment !== undefined) all.push(...cmsg(17, 104, int(segment)));
  if (overflow !== undefined) all.push(...cmsg(1, 40, int(overflow)));
  return { name, payload, flags, control: rest.control ?? Uint8Array.from(all) };
}

function cmsg(level: number, type: number, data: number[]): number[] {
  const padding = Array<number>((8 - (data.length % 8)) % 8).fill(0);
  return [...int(16 + data.length), ...int(0), ...int(level), ...int(type), ...data, ...padding];
}

function int(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 3 + length);
}
