import { Endpoint, type Transmit } from '@litz/core';
import { connect, createPair, packetBetween, type Pair } from '@litz/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { readCaptureOptions, type CaptureOptions } from '../../src/capture/capture-options.ts';
import { CaptureRingReader, ringBytes } from '../../src/capture/capture-ring.ts';
import { CaptureTaps } from '../../src/capture/capture-taps.ts';
import { readBlocks, readPacket, type ReadPacket } from './read-pcapng.ts';

let pair: Pair;
let taps: CaptureTaps;
let awake: number[];

beforeEach(() => {
  pair = createPair();
  awake = [];
  const local = { port: () => 7001, mark: () => 5 };
  taps = new CaptureTaps(pair.alice.engine, local, {
    readTime: (out) => Object.assign(out, { seconds: 1_700_000_000, nanoseconds: 7 }),
    localAddress: ({ address }, mark) => Uint8Array.of(10, 0, mark, address[3] ?? 0),
    onBlocks: (id) => awake.push(id),
  });
});

describe('CaptureTaps', () => {
  it('records a sent datagram with our port and address, and the time', () => {
    const ring = start(1);
    transmit(Uint8Array.of(4, 0, 0, 0));
    const [packet] = packetsOf(ring);
    expect(packet.time).toBe(1_700_000_000_000_000_007n);
    expect([...packet.bytes.subarray(12, 24)]).toEqual([
      10,
      0,
      5,
      9,
      192,
      0,
      2,
      9,
      7001 >> 8,
      7001 & 255,
      0,
      80,
    ]);
    expect([...packet.bytes.subarray(28)]).toEqual([4, 0, 0, 0]);
  });

  it('records a received datagram after the engine has returned why it was dropped', () => {
    const ring = start(1);
    const source = new Endpoint(Uint8Array.of(192, 0, 2, 9), 80);
    taps.beforeOpen(new Uint8Array(40), 0, 40, source, 1);
    expect(ring.take(1000)).toBeUndefined();
    taps.afterOpen('unknown-message-type');
    const [packet] = packetsOf(ring);
    expect(packet).toMatchObject({ comment: 'dropped: unknown-message-type', isInbound: true });
    expect(packet.bytes[1]).toBe(1);
  });

  it('records a handshake message once, when the engine has processed it', () => {
    connect(pair);
    const { alice, bob, network } = pair;
    const ring = start(1);
    const [{ bytes }] = network.eavesdropper.of(2, bob);
    const message = bytes.slice();
    taps.beforeOpen(message, 0, message.length, bob.endpoint, 0);
    const opened = alice.engine.openDatagram(message, 0, 92, bob.endpoint, 0, network.now);
    taps.afterOpen(opened);
    alice.engine.finishBatch(network.now);
    expect(packetsOf(ring).map(({ comment }) => comment)).toEqual(['dropped: unknown-index']);
    const initiation = new Uint8Array(148);
    initiation[0] = 1;
    taps.beforeOpen(initiation, 0, 148, bob.endpoint, 0);
    taps.afterOpen(alice.engine.openDatagram(initiation, 0, 148, bob.endpoint, 0, network.now));
    expect(ring.take(1000)).toBeUndefined();
    alice.engine.finishBatch(network.now);
    expect(packetsOf(ring).map(({ comment }) => comment)).toEqual(['dropped: bad-mac1']);
  });

  it('records a packet, then the secrets of the handshake that it starts, then the initiation', () => {
    const ring = start(1, { keyLog: true });
    const { alice, bob, network } = pair;
    ring.take(1e6);
    const run = runOf(packetBetween(alice, bob));
    taps.beforeSend(run);
    const reason = alice.engine.handlePackets(run, network.now + 10_000);
    expect(ring.take(1000)).toBeUndefined();
    taps.afterSend(run, reason);
    const message = alice.engine.pollTransmit();
    if (message) taps.transmit(message);
    const types = readBlocks(ring.take(1e6)!).map(({ type }) => type);
    expect(types).toEqual([6, 10, 6]);
  });

  it('records dropped packets once, with the reason', () => {
    const ring = start(1, { side: 'inner' });
    const { alice, bob, network } = pair;
    const packet = packetBetween(alice, bob);
    packet[19] = 99;
    const run = runOf(packet);
    taps.beforeSend(run);
    taps.afterSend(run, alice.engine.handlePackets(run, network.now));
    const [dropped, ...others] = packetsOf(ring);
    expect(others).toEqual([]);
    expect(dropped).toMatchObject({ comment: 'dropped: no-peer', bytes: Buffer.from(packet) });
    expect(ring.counter(0)).toBe(1);
  });

  it('counts a packet only once if the ring has no space for it', () => {
    const ring = start(1, { side: 'inner', bufferLength: 256 * 1024 });
    const long = new Uint8Array(60_000);
    long[0] = 0x45;
    for (let i = 0; i < 10; i++) {
      taps.beforeSend(runOf(long));
      taps.afterSend(runOf(long), i % 2 === 0 ? 'no-peer' : undefined);
    }
    const first = packetsOf(ring);
    taps.beforeSend(runOf(long));
    taps.afterSend(runOf(long), undefined);
    const [after] = packetsOf(ring);
    expect(first.length + after.lost).toBe(10);
    expect(after.lost).toBeGreaterThan(0);
    expect([ring.counter(0), ring.counter(2)]).toEqual([11, after.lost]);
  });

  it('wakes readers that wait, and watches the engine only while a capture runs', () => {
    const ring = start(3);
    ring.wait();
    taps.wakeReaders();
    transmit(Uint8Array.of(4));
    taps.wakeReaders();
    taps.wakeReaders();
    expect(awake).toEqual([3]);
    expect(taps.size).toBe(1);
    taps.end(3);
    taps.end(3);
    expect(taps.size).toBe(0);
    ring.take(1e6);
    connect(pair);
    expect(ring.take(1e6)).toBeUndefined();
  });
});

function start(id: number, options: CaptureOptions = {}): CaptureRingReader {
  const filter = readCaptureOptions(options);
  const ring = new CaptureRingReader(new SharedArrayBuffer(ringBytes(filter.bufferLength)));
  taps.start(id, ring.memory, filter, pair.network.now);
  return ring;
}

function packetsOf(ring: CaptureRingReader): ReadPacket[] {
  const blocks = ring.take(1e9);
  return blocks ? readBlocks(blocks).map(readPacket) : [];
}

function runOf(packet: Uint8Array): Parameters<CaptureTaps['beforeSend']>[0] {
  const buffer = new Uint8Array(packet.length + 200);
  buffer.set(packet, 64);
  const { length } = packet;
  return { buffer, offset: 64, stride: 0, length, lastLength: length, count: 1 };
}

function transmit(bytes: Uint8Array): void {
  const destination = new Endpoint(Uint8Array.of(192, 0, 2, 9), 80);
  const { length } = bytes;
  const rest = { stride: 0, count: 1, tos: 0, peer: undefined };
  const run = { buffer: bytes, offset: 0, length, lastLength: length, destination, ...rest };
  taps.transmit(run as unknown as Transmit);
}
