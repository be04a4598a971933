import { DropCounters, Endpoint, type DropReason, type Engine } from '@litz/core';
import { ipPacket } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import type { DatagramSink, DatagramSocket, Tun } from '../../src/plane/io-interfaces.ts';
import { PacketMemory } from '../../src/plane/packet-memory.ts';
import {
  UdpToTun,
  type OpeningThreads,
  type RefusedSuperPacket,
} from '../../src/plane/udp-to-tun.ts';

const VNET = 10;
const SLOT = 2048;
const SOURCE = new Endpoint(Uint8Array.of(192, 0, 2, 2), 51820);

describe('UdpToTun', () => {
  it('passes each datagram to the engine, writes the packets, and then ends the batch', () => {
    const { path, sockets, engine, log } = setUp();
    sockets.incoming.push([datagram(tcp(0)), datagram(tcp(1))]);
    expect(path.receive(1234.5)).toBe(false);
    expect(engine.opened).toEqual([
      { length: 16 + 60, source: SOURCE, ecn: 2, now: 1234.5 },
      { length: 16 + 60, source: SOURCE, ecn: 2, now: 1234.5 },
    ]);
    // The packets are written first, because ending the batch may take long.
    expect(log).toEqual(['write', 'write', 'finish 1234.5', 'drain']);
  });

  it('receives from one socket, or from all of them', () => {
    const { path, sockets } = setUp();
    path.receive(0, 3);
    path.receive(0);
    expect(sockets.asked).toEqual([3, undefined]);
  });

  it('writes nothing for a datagram that was dropped or has no packet', () => {
    const { path, sockets, engine, tun } = setUp();
    engine.results.push('invalid-tag', 0);
    sockets.incoming.push([datagram(tcp(0)), datagram(tcp(1)), datagram(tcp(2))]);
    path.receive(0);
    expect(tun.written).toHaveLength(1);
    expect(path.writtenPackets).toBe(1);
  });

  it('writes as many bytes of a datagram as the engine returns', () => {
    const { path, sockets, engine, tun } = setUp();
    engine.results.push(50);
    sockets.incoming.push([datagram(tcp(0))]);
    path.receive(0);
    expect(tun.written).toEqual([[...new Uint8Array(VNET), ...tcp(0).subarray(0, 50)]]);
  });

  it('writes packets from other memory through the scratch area', () => {
    const { path, tun } = setUp();
    const packet = tcp(0);
    path.write(packet, 0, packet.length);
    const buffer = new Uint8Array(200).fill(0xff);
    buffer.set(packet, 7);
    path.write(buffer, 7, packet.length);
    expect(tun.written).toEqual(times(2, [...new Uint8Array(VNET), ...packet]));
    expect(buffer[6]).toBe(0xff);
    expect(path.writtenPackets).toBe(2);
  });

  it("writes a datagram in the sockets' memory from where it was opened", () => {
    const { path, sockets, tun, memory } = setUp();
    sockets.slots = new Uint8Array(4 * SLOT);
    sockets.slotsAt = 0;
    sockets.incoming.push([datagram(tcp(0))]);
    path.receive(0);
    expect(tun.buffers).toEqual([sockets.slots]);
    // The buffer was borrowed for the batch only, so this packet is copied.
    path.write(sockets.slots, 100, 60);
    expect(tun.buffers[1]).toBe(memory.buffer);
  });

  describe('joining packets of one flow', () => {
    it.each([
      ['TCP', tcp, { tcp: true, udp: false }, 1],
      ['UDP', udp, { tcp: false, udp: true }, 5],
    ] as const)(
      'takes place if the TUN accepts super-packets of %s',
      (_, make, offloads, gsoType) => {
        const { path, sockets, tun } = setUp({ offloads });
        sockets.incoming.push([make(0), make(1), make(2)].map(datagram));
        path.receive(0);
        expect(tun.written).toHaveLength(1);
        expect(tun.written[0]?.[1]).toBe(gsoType);
        expect(tun.pieces).toEqual([3]);
        expect(path.writtenPackets).toBe(3);
      },
    );

    it('takes place in the scratch area if the TUN has no writePieces', () => {
      const { path, sockets, tun, memory } = setUp({ offloads: { tcp: true, udp: true } });
      const inPieces = setUp({ offloads: { tcp: true, udp: true } });
      Object.assign(tun, { writePieces: undefined });
      for (const each of [sockets, inPieces.sockets]) {
        each.incoming.push([tcp(0), tcp(0, 7), tcp(1), tcp(2)].map(datagram));
      }
      path.receive(0);
      inPieces.path.receive(0);
      expect(tun.written).toHaveLength(2);
      expect(tun.written).toEqual(inPieces.tun.written);
      expect(tun.buffers[0]).toBe(memory.buffer);
      expect(path.writtenPackets).toBe(4);
    });

    it.each([
      ['TCP', tcp, { tcp: false, udp: true }],
      ['UDP', udp, { tcp: true, udp: false }],
      ['TCP', tcp, undefined],
    ] as const)(
      'does not take place if the TUN accepts no super-packets of their protocol: %s',
      (_, make, offloads) => {
        const { path, sockets, tun } = setUp({ offloads });
        sockets.incoming.push([make(0), make(1)].map(datagram));
        path.receive(0);
        expect(tun.written).toHaveLength(2);
        expect(path.writtenPackets).toBe(2);
      },
    );

    it('takes place only within one batch of the sockets', () => {
      const { path, sockets, tun } = setUp({ offloads: { tcp: true, udp: true } });
      sockets.incoming.push([datagram(tcp(0))], [datagram(tcp(1))]);
      path.receive(0);
      expect(tun.written).toHaveLength(2);
    });

    it('takes place even if the checksums are wrong, because the tag was right', () => {
      for (const [offloads, joined] of [
        [{ tcp: true, udp: false }, 1],
        [{ tcp: false, udp: true }, 0],
        [undefined, 0],
      ] as const) {
        const { path, sockets, tun } = setUp({ offloads });
        const wrong = [tcp(0), tcp(1)];
        for (const packet of wrong) packet[36] ^= 0x55;
        sockets.incoming.push(wrong.map(datagram));
        path.receive(0);
        expect(tun.written).toHaveLength(joined === 1 ? 1 : 2);
        const [flags] = tun.written[0];
        // A TUN without offloads gets each packet as it came, without flags in the vnet header.
        expect(flags === 0).toBe(offloads === undefined);
      }
    });
  });

  describe('when the kernel refuses a super-packet', () => {
    it.each([
      ['EINVAL', -22, 'tcp', tcp],
      ['EMSGSIZE', -90, 'tcp', tcp],
      ['EINVAL', -22, 'udp', udp],
    ] as const)('with %s (%i), makes no more super-packets of %s', (_, errno, kind, make) => {
      const { path, sockets, tun, refusals, drops } = setUp({ offloads: { tcp: true, udp: true } });
      tun.results.push(errno);
      for (let i = 0; i < 2; i++) {
        sockets.incoming.push([make(0), make(1)].map(datagram));
        path.receive(0);
      }
      expect(refusals).toEqual([{ kind, errno: -errno }]);
      // The packets of the refused super-packet are written again one by one. Later packets are
      // written one by one from the start.
      expect(tun.pieces).toEqual([2, 1, 1, 1, 1]);
      expect(path.writtenPackets).toBe(4);
      expect(drops.toJSON()).toEqual({});
      // The other kind is joined as before.
      const other = kind === 'tcp' ? udp : tcp;
      sockets.incoming.push([other(0), other(1)].map(datagram));
      path.receive(0);
      expect(tun.pieces.at(-1)).toBe(2);
    });

    it('reports the refusal once, even if several super-packets were refused', () => {
      const { path, sockets, tun, refusals } = setUp({ offloads: { tcp: true, udp: true } });
      tun.refusesPieces = true;
      sockets.incoming.push([...flowOf(1), ...flowOf(2)]);
      path.receive(0);
      expect(refusals).toEqual([{ kind: 'tcp', errno: 22 }]);
      expect(tun.pieces.filter((count) => count === 1)).toHaveLength(4);
    });

    it('continues to join packets after EIO, which means that the interface is down', () => {
      const { path, sockets, tun, refusals, drops } = setUp({ offloads: { tcp: true, udp: true } });
      tun.results.push(-5, -5, -5);
      for (let i = 0; i < 2; i++) {
        sockets.incoming.push([tcp(0), tcp(1)].map(datagram));
        path.receive(0);
      }
      expect(refusals).toEqual([]);
      expect(tun.pieces).toEqual([2, 1, 1, 2]);
      expect(drops.toJSON()).toEqual({ 'tun-write-failed': 2 });
      expect(path.writtenPackets).toBe(2);
    });

    it('does not treat a full queue as a refusal, and counts each packet of the super-packet', () => {
      const { path, sockets, tun, refusals, drops } = setUp({ offloads: { tcp: true, udp: true } });
      tun.results.push(0, -105);
      for (let i = 0; i < 2; i++) {
        sockets.incoming.push([tcp(0), tcp(1), tcp(2)].map(datagram));
        path.receive(0);
      }
      expect(refusals).toEqual([]);
      expect(tun.pieces).toEqual([3, 3]);
      expect(drops.toJSON()).toEqual({ 'tun-write-failed': 6 });
      expect(path.writtenPackets).toBe(0);
    });

    it('counts a single packet that the kernel refuses', () => {
      const { path, sockets, tun, refusals, drops } = setUp({ offloads: { tcp: true, udp: true } });
      tun.results.push(-22);
      sockets.incoming.push([datagram(tcp(0))]);
      path.receive(0);
      expect(refusals).toEqual([]);
      expect(drops.toJSON()).toEqual({ 'tun-write-failed': 1 });
    });
  });

  describe('receive', () => {
    it.each([
      ['that are not polled: up to four times, until nothing is left', [], 1, 4],
      [
        'that are polled: up to 16 times, as long as each batch has at least 8 datagrams',
        [7],
        8,
        16,
      ],
    ] as const)('reads sockets %s', (_, fds, size, most) => {
      const { path, sockets } = setUp({ fds });
      const fill = (): void => {
        for (let i = 0; i < 20; i++) sockets.incoming.push(times(size, SHORT));
      };
      fill();
      expect(path.receive(0)).toBe(true);
      expect(sockets.asked).toHaveLength(most);
      sockets.incoming.length = 0;
      sockets.asked.length = 0;
      sockets.incoming.push(times(size, SHORT), times(size - 1, SHORT));
      fill();
      expect(path.receive(0)).toBe(false);
      expect(sockets.asked).toHaveLength(2);
    });

    it('reads no more from polled sockets after a batch of many bytes', () => {
      const long = new Uint8Array(2000);
      for (const [count, reads] of [
        [8, 3],
        [9, 1],
      ] as const) {
        const { path, sockets } = setUp({ fds: [7] });
        // 8 datagrams have 16,000 bytes, and 9 have more than the limit of 16,384.
        sockets.incoming.push(times(count, long), times(count, long), []);
        expect(path.receive(0)).toBe(count === 9);
        expect(sockets.asked).toHaveLength(reads);
      }
    });

    it('reads up to the limit of bytes, which is counted for each batch separately', () => {
      const { path, sockets } = setUp({ fds: [7] });
      const exact = times(8, new Uint8Array(2048));
      sockets.incoming.push(exact, exact, []);
      expect(path.receive(0)).toBe(false);
      expect(sockets.asked).toHaveLength(3);
    });

    it('reads nothing without sockets', () => {
      const { path, log } = setUp();
      path.sockets = undefined;
      expect(path.receive(0)).toBe(false);
      expect(log).toEqual([]);
    });

    it('reads no more from sockets that were removed meanwhile', () => {
      const { path, sockets, engine } = setUp();
      engine.onFinish = () => (path.sockets = undefined);
      sockets.incoming.push([SHORT], [SHORT], [SHORT], [SHORT]);
      expect(path.receive(0)).toBe(false);
    });
  });

  it('counts each drop of the sockets once', () => {
    const { path, sockets, drops } = setUp();
    Object.assign(sockets.counters, { receiveDroppedTruncated: 3, receiveDroppedMalformed: 2 });
    path.receive(0);
    path.receive(0);
    expect(drops.toJSON()).toEqual({ 'receive-truncated': 3, 'receive-malformed': 2 });
    Object.assign(sockets.counters, { receiveDroppedTruncated: 4, receiveDroppedMalformed: 7 });
    path.receive(0);
    expect(drops.toJSON()).toEqual({ 'receive-truncated': 4, 'receive-malformed': 7 });
    // The counters of other sockets are counted from 0.
    const others = new Sockets([]);
    Object.assign(others.counters, { receiveDroppedTruncated: 1, receiveDroppedMalformed: 1 });
    path.sockets = others;
    path.receive(0);
    expect(drops.toJSON()).toEqual({ 'receive-truncated': 5, 'receive-malformed': 8 });
  });
});

describe('UdpToTun with other threads', () => {
  it('receives into one half of the memory while they open datagrams in the other, and keeps the order', () => {
    const { path, sockets, engine, tun, log } = setUp({ fds: [3], threads: new FakeOpening() });
    const halves = new HalfSockets(sockets);
    path.sockets = halves;
    for (let batch = 0; batch < 3; batch++) {
      halves.incoming.push(Array.from({ length: 8 }, (_, i) => datagram(long(batch * 8 + i))));
    }
    path.receive(0);
    expect(halves.halves).toEqual([0, 1, 0, 1]);
    expect(tun.written).toEqual(
      Array.from({ length: 24 }, (_, i) => [...new Uint8Array(VNET), ...long(i)]),
    );
    expect(engine.opened).toHaveLength(24);
    const steps = log.filter((step, i) => step !== 'write' || step !== log[i - 1]);
    const round = ['begin 8', 'write'];
    expect(steps).toEqual(
      ['beginOpening', 'begin 8', ...round, 'finish to 8', ...round, 'finish to 16'].concat([
        'write',
        'endOpening',
        'finish 0',
        'drain',
      ]),
    );
  });

  it('lets the other direction have its turn while more and more datagrams come', () => {
    const { path, sockets } = setUp({ fds: [3], threads: new FakeOpening() });
    const halves = new HalfSockets(sockets);
    path.sockets = halves;
    for (let batch = 0; batch < 30; batch++) {
      halves.incoming.push(Array.from({ length: 8 }, (_, i) => datagram(long(i))));
    }
    path.receive(0);
    expect(halves.halves).toHaveLength(8);
  });

  it('opens a few datagrams without other threads', () => {
    const { path, sockets, log } = setUp({ fds: [3], threads: new FakeOpening() });
    const halves = new HalfSockets(sockets);
    path.sockets = halves;
    halves.incoming.push(Array.from({ length: 7 }, (_, i) => datagram(tcp(i))));
    path.receive(0);
    expect(log.filter((step) => step !== 'write')).toEqual(['finish 0', 'drain']);
  });

  it('works with sockets that cannot receive into halves', () => {
    const { path, sockets, tun } = setUp({ fds: [3], threads: new FakeOpening() });
    sockets.incoming.push(Array.from({ length: 9 }, (_, i) => datagram(tcp(i))));
    path.receive(0);
    expect(tun.written).toHaveLength(9);
  });
});

interface Options {
  threads?: FakeOpening;
  offloads?: { readonly tcp: boolean; readonly udp: boolean } | undefined;
  fds?: readonly number[];
}

function setUp({ offloads, fds = [], threads }: Options = {}) {
  const log = threads?.log ?? [];
  const memory = new PacketMemory(32 * SLOT);
  const tun = new PieceTun(offloads, log);
  const engine = new StubEngine(log, threads);
  const refusals: RefusedSuperPacket[] = [];
  const path = new UdpToTun({
    engine: engine as unknown as Engine,
    threads,
    tun,
    memory,
    drain: () => log.push('drain'),
    onSuperPacketRefused: (refusal) => refusals.push(refusal),
  });
  const sockets = new Sockets(fds);
  sockets.slots = memory.buffer;
  sockets.slotsAt = memory.receiveOffset;
  path.sockets = sockets;
  return { path, sockets, engine, tun, memory, refusals, log, drops: engine.stats.drops };
}

/** Returns a packet for each datagram, unless `results` has something else. */
class StubEngine {
  readonly stats: { drops: DropCounters } = { drops: new DropCounters() };
  readonly opened: object[] = [];
  readonly results: (number | DropReason)[] = [];
  onFinish: () => void = () => undefined;
  readonly #log: string[];
  readonly #threads: FakeOpening | undefined;

  constructor(log: string[], threads?: FakeOpening) {
    this.#log = log;
    this.#threads = threads;
  }

  openDatagram(
    _buffer: Uint8Array,
    _offset: number,
    length: number,
    source: Endpoint,
    ecn: number,
    now: number,
  ): number | DropReason {
    this.opened.push({ length, source, ecn, now });
    return this.results.shift() ?? Math.max(0, length - 16);
  }

  beginDatagram(): void {
    this.#threads?.begin();
  }

  finishBatch(now: number): void {
    this.#log.push(`finish ${now}`);
    this.onFinish();
  }
}

/** A TUN that accepts packets in pieces. */
class PieceTun implements Tun {
  readonly name = 'pieces';
  readonly mtu = 1420;
  readonly fd = -1;
  readonly offloads?: { readonly tcp: boolean; readonly udp: boolean };
  /** The written packets, with their vnet headers. */
  readonly written: number[][] = [];
  readonly buffers: Uint8Array[] = [];
  /** The number of pieces of each write, also of a write that failed. */
  readonly pieces: number[] = [];
  /** The results of the next writes. A write that takes its result from here writes nothing. */
  readonly results: number[] = [];
  refusesPieces = false;
  readonly #log: string[];

  constructor(offloads: PieceTun['offloads'], log: string[]) {
    if (offloads) this.offloads = offloads;
    this.#log = log;
  }

  read(): number {
    return 0;
  }

  write(buffer: Uint8Array, offset: number, length: number): number {
    return this.#write(buffer, Uint32Array.of(offset), Uint32Array.of(length), 1);
  }

  writePieces?(
    buffer: Uint8Array,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
  ): number {
    return this.#write(buffer, offsets, lengths, count);
  }

  #write(buffer: Uint8Array, offsets: Uint32Array, lengths: Uint32Array, count: number): number {
    this.pieces.push(count);
    const result = count > 1 && this.refusesPieces ? -22 : this.results.shift();
    if (result !== undefined) return result;
    this.#log.push('write');
    this.buffers.push(buffer);
    const parts = Array.from({ length: count }, (_, i) => [
      ...buffer.subarray(offsets[i], (offsets[i] ?? 0) + (lengths[i] ?? 0)),
    ]);
    this.written.push(parts.flat());
    return parts.flat().length;
  }

  close(): void {}
}

class Sockets implements DatagramSocket {
  readonly port = 1;
  readonly fds: readonly number[];
  readonly counters = { receiveDroppedTruncated: 0, receiveDroppedMalformed: 0 };
  /** The batches that `receive` returns, in order. */
  readonly incoming: Uint8Array[][] = [];
  readonly asked: (number | undefined)[] = [];
  slots: Uint8Array = new Uint8Array(32 * SLOT);
  slotsAt = 0;

  constructor(fds: readonly number[]) {
    this.fds = fds;
  }

  receive(sink: DatagramSink, only?: number): number {
    this.asked.push(only);
    const batch = this.incoming.shift() ?? [];
    for (const [i, bytes] of batch.entries()) {
      const at = this.slotsAt + (i % 32) * SLOT;
      this.slots.set(bytes, at);
      sink(this.slots, at, bytes.length, SOURCE, 2);
    }
    return batch.length;
  }

  send(): void {}
  sendRun(): void {}
  flush(): void {}
  setMark(): void {}
  close(): void {}
}

/** A packet that cannot be joined with others. */
function long(index: number): Uint8Array {
  return new Uint8Array(1400).fill(index);
}

/** Sockets that can receive into halves of their memory. Each half has half of the slots. */
class HalfSockets extends Sockets {
  readonly halves: number[] = [];

  constructor({ fds, slots, slotsAt }: Sockets) {
    super(fds);
    this.slots = slots;
    this.slotsAt = slotsAt;
  }

  receiveHalf(half: number, sink: DatagramSink): number {
    this.halves.push(half);
    const start = this.slotsAt;
    this.slotsAt = start + half * 16 * SLOT;
    const count = this.receive(sink);
    this.slotsAt = start;
    return count;
  }
}

/** Records the calls. */
class FakeOpening implements OpeningThreads {
  readonly running = 2;
  readonly log: string[] = [];
  mark = 0;
  #begun = 0;

  begin(): void {
    this.#begun++;
    this.mark++;
  }

  beginOpening(): void {
    this.log.push('beginOpening');
  }

  publishLast(): void {
    if (this.#begun > 0) this.log.push(`begin ${this.#begun}`);
    this.#begun = 0;
  }

  finishOpening(mark: number): void {
    this.log.push(`finish to ${mark}`);
  }

  endOpening(): void {
    this.log.push('endOpening');
  }
}

/** A keepalive, which contains no packet. */
const SHORT = new Uint8Array(16);

/** An opened datagram: the packet is behind a transport header. */
function datagram(packet: Uint8Array): Uint8Array {
  return Uint8Array.of(...new Uint8Array(16), ...packet);
}

/** Segment `index` of a stream, 20 bytes of payload. */
function tcp(index: number, port = 1000): Uint8Array {
  const payload = new Uint8Array(40);
  const view = new DataView(payload.buffer);
  view.setUint16(0, port);
  view.setUint16(2, 80);
  view.setUint32(4, 5000 + index * 20);
  view.setUint32(8, 77);
  payload[12] = 0x50;
  payload[13] = 0x10;
  view.setUint16(14, 500);
  payload.fill(index + 1, 20);
  return withChecksum(6, 16, payload);
}

/** Datagram `index` of a flow, 20 bytes of payload. */
function udp(index: number): Uint8Array {
  const payload = new Uint8Array(28);
  const view = new DataView(payload.buffer);
  view.setUint16(0, 1000);
  view.setUint16(2, 80);
  view.setUint16(4, 28);
  payload.fill(index + 1, 8);
  return withChecksum(17, 6, payload);
}

/** @param at offset of the checksum in the payload */
function withChecksum(protocol: number, at: number, payload: Uint8Array): Uint8Array {
  const packet = ipPacket({
    source: [10, 0, 0, 1],
    destination: [10, 0, 0, 2],
    payload,
    protocol,
  });
  const view = new DataView(packet.buffer);
  // Sets "don't fragment". The identification then has no meaning.
  packet[6] = 0x40;
  view.setUint16(10, 0);
  view.setUint16(10, ~onesSum(view, 0, 20, 0) & 0xffff);
  view.setUint16(20 + at, ~onesSum(view, 12, packet.length, protocol + payload.length) & 0xffff);
  return packet;
}

function onesSum(view: DataView, from: number, to: number, start: number): number {
  let sum = start;
  for (let i = from; i < to; i += 2) sum += view.getUint16(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** Returns two consecutive segments of a flow. */
function flowOf(port: number): Uint8Array[] {
  return [tcp(0, port), tcp(1, port)].map(datagram);
}

/** Returns an array with the same value `count` times. */
function times<T>(count: number, thing: T): T[] {
  return Array.from({ length: count }, () => thing);
}
