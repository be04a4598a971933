/**
 * Checks that `TunToUdp`, which seals runs of packets in the slab, sends the same datagrams as an
 * engine that gets the packets one by one. Sealing may overwrite bytes around a packet, so the
 * tests also check that nothing else uses these bytes.
 */
import { Engine, nobleProvider, type Cipher, type CryptoProvider } from '@litz/core';
import { writeTransportHeader } from '@litz/core/internals';
import { copyCipherProvider, ipPacket, seededRandomBytes, type Person } from '@litz/testkit';
import {
  encodeVnetHeader,
  SuperPacketSplitter,
  VNET_FLAG_NEEDS_CHECKSUM,
  VNET_GSO_TCPV4,
  VNET_HEADER_LENGTH,
} from '@litz/tun/offload';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SealingThreads } from '../../src/plane/sealing-runs.ts';
import { TunToUdp } from '../../src/plane/tun-to-udp.ts';
import { HEADER_LENGTH, PacketMemory } from '../../src/plane/packet-memory.ts';
import { FakeSockets, FakeTun } from './fake-io.ts';
import { ALICE, BOB } from '../in-memory.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 100);

describe('TunToUdp', () => {
  it('sends the same messages as an engine that gets single packets, with any number of packets per run', () => {
    const single = fc
      .oneof(fc.integer({ min: 20, max: 1500 }), fc.integer({ min: 20, max: 65_475 }))
      .map((length) => singleFrame(length));
    const segments = fc
      .tuple(
        fc.integer({ min: 1, max: 65_000 }),
        fc.constantFrom(100, 120, 600, 1360, 9000, 30_000),
      )
      .map(([payload, each]) => superFrame(payload, each));
    const lost = fc.integer({ min: 20, max: 3000 }).map((length) => singleFrame(length, NOBODY));
    const frames = fc.array(fc.oneof(single, segments, segments, lost), { maxLength: 8 });
    // Lengths of the slab: from a little more than the longest packet to the real length.
    const slabs = fc.integer({ min: 1026, max: 4096 }).map((blocks) => blocks * 64);
    fc.assert(
      fc.property(frames, slabs, (all, slabLength) => {
        const { sent, isTidy } = sentBy(all, slabLength);
        expect(sent.map(textOf)).toEqual(referenceOf(all).map(textOf));
        expect(isTidy).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it('sends the same messages in the same order as an engine that gets single packets, if other threads seal the runs', () => {
    const frames = fc.array(
      fc.oneof(
        fc.integer({ min: 20, max: 1500 }).map((length) => singleFrame(length)),
        fc
          .tuple(fc.integer({ min: 1, max: 65_000 }), fc.constantFrom(600, 1360, 9000, 30_000))
          .map(([payload, each]) => superFrame(payload, each)),
      ),
      { maxLength: 8 },
    );
    const slabs = fc.integer({ min: 1026, max: 4096 }).map((blocks) => blocks * 64);
    const progress = fc.array(fc.boolean(), { minLength: 1 });
    fc.assert(
      fc.property(frames, slabs, progress, (all, slabLength, steps) => {
        const threads = new FakeThreads(steps);
        const { sent, isTidy } = sentBy(all, slabLength, threads);
        expect(sent.map(textOf)).toEqual(referenceOf(all).map(textOf));
        expect(isTidy).toBe(true);
        expect(threads.left).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  it('lets other threads seal the later runs while it sends the first run', () => {
    const frame = superFrame(45 * 1380, 1380);
    const threads = new FakeThreads();
    const { sent, flushes } = sentBy([frame, frame, frame], 2 ** 18, threads);
    expect(sent.map(textOf)).toEqual(referenceOf([frame, frame, frame]).map(textOf));
    expect(flushes).toEqual([45, 45, 45]);
    // `TunToUdp` waits for one run after the other, never for all of them at once.
    expect(threads.inProgress).toEqual([2, 1, 0]);
  });

  it('sends runs as soon as other threads have sealed them, before it has read all packets', () => {
    const frame = superFrame(45 * 1380, 1380);
    const threads = new FakeThreads([true]);
    const { flushes } = sentBy([frame, frame, frame], 2 ** 18, threads);
    expect(flushes).toEqual([45, 45, 45]);
    expect(threads.inProgress).toEqual([]);
  });

  it('waits for the oldest run when the slab is full', () => {
    // A run takes 45 places of 1536 bytes. Three runs fit into the slab, and a fourth run does not.
    const frame = superFrame(45 * 1380, 1380);
    const threads = new FakeThreads();
    const { sent, flushes } = sentBy([frame, frame, frame, frame], 2 ** 18, threads);
    expect(sent.map(textOf)).toEqual(referenceOf([frame, frame, frame, frame]).map(textOf));
    expect(flushes).toEqual([45, 45, 45, 45]);
    // The fourth run is as long as the first run. When the first run has left, the fourth run does
    // not fit into its space, because 64 bytes in front of the second run must stay free. So the
    // second run must leave too.
    expect(threads.inProgress.at(0)).toBe(2);
    expect(threads.inProgress.at(-1)).toBe(0);
  });

  it.each([
    // A segment with 57 bytes of payload has 97 bytes. Its place in the slab has 256 bytes.
    ['segments that fill the slab to the last byte', 4 * 57, 57, 1024, [4]],
    ['segments that need one place more than the slab has', 5 * 57, 57, 1024, [4, 1]],
    [
      'segments of which the last does not fit, because the slab is 64 bytes too short',
      5 * 57,
      57,
      5 * 256 - 64,
      [4, 1],
    ],
    [
      'segments of which the last is shorter, but has a place of full size',
      3 * 57 + 1,
      57,
      1024,
      [4],
    ],
    ['segments that fill a slab of the real length', 1024 * 57, 57, 2 ** 18, [1024]],
    [
      'segments that need one place more than a slab of the real length has',
      1025 * 57,
      57,
      2 ** 18,
      [1024, 1],
    ],
    ['long segments that fill the slab to the last byte', 65_000, 30_000, 3 * 30_144, [3]],
    [
      'long segments of which the last does not fit, because the slab is 64 bytes too short',
      65_000,
      30_000,
      3 * 30_144 - 64,
      [2, 1],
    ],
    ['a single segment that takes the whole slab', 65_435, 65_435, 65_600, [1]],
  ])('sends %s', (_, payload, each, slabLength, flushes) => {
    const frame = superFrame(payload, each);
    const out = sentBy([frame], slabLength);
    expect(out.sent.map(textOf)).toEqual(referenceOf([frame]).map(textOf));
    // Each flush had one run, so all segments of a flush were passed to the engine in one call.
    expect([out.flushes, out.runs]).toEqual([flushes, flushes]);
    expect(out.isTidy).toBe(true);
  });

  it('sends all super-packets of a batch with one flush', () => {
    // 47 segments of 1420 bytes are the most that fit into a super-packet of 64 KiB. The sockets
    // can send fewer than 47 datagrams of this length in one call. With one flush, they send the
    // last datagrams of a super-packet together with the first datagrams of the next super-packet.
    const frame = superFrame(47 * 1380, 1380);
    const out = sentBy([frame, frame], 2 ** 18);
    expect(out.sent.map(textOf)).toEqual(referenceOf([frame, frame]).map(textOf));
    expect(out.flushes).toEqual([94]);
  });

  it('puts the next packet directly behind a run in the slab', () => {
    // The places take 2 * 256 and 192 bytes, which is exactly the length of the slab.
    const frames = [superFrame(2 * 57, 57), singleFrame(96), singleFrame(20)];
    const out = sentBy(frames, 2 * 256 + 192);
    expect(out.sent.map(textOf)).toEqual(referenceOf(frames).map(textOf));
    expect(out.flushes).toEqual([3, 1]);
    expect(out.isTidy).toBe(true);
  });
});

const NOBODY: Uint8Array = Uint8Array.of(10, 9, 9, 9);

/** Packet memory with a shorter slab. All other areas are at their usual offsets. */
class SmallMemory extends PacketMemory {
  override readonly slabEnd: number;
  override readonly sharedEnd: number;

  constructor(slabLength: number) {
    super();
    this.slabEnd = this.slabOffset + slabLength;
    this.sharedEnd = this.slabEnd;
  }
}

/**
 * Sends the frames.
 *
 * @returns `sent`: a copy of each datagram at the time of its flush; `flushes` and `runs`: how many
 *   datagrams each flush and each run had; `isTidy`: whether the bytes around the slab are
 *   unchanged
 */
function sentBy(
  frames: readonly Uint8Array[],
  slabLength: number,
  threads?: FakeThreads,
): { sent: Uint8Array[]; flushes: number[]; runs: number[]; isTidy: boolean } {
  const { engine } = session(threads ? threads.provider() : untidyProvider());
  const memory = new SmallMemory(slabLength);
  const { buffer, slabEnd } = memory;
  buffer.fill(MARK, slabEnd);
  const tun = new FrameTun(frames);
  const sockets = new FakeSockets();
  const drain = (): void => {
    for (let out = engine.pollTransmit(); out; out = engine.pollTransmit()) {
      outbound.send(out);
    }
    while (engine.pollPacket());
  };
  const outbound = new TunToUdp({ engine, tun, memory, drain, threads });
  outbound.sockets = sockets;
  while (outbound.read(NOW));
  // The last frame that was read is in front of the slab, and must be unchanged. In the real
  // memory, the scratch area begins 64 bytes behind the slab, and the space for a vnet header is in
  // front of the scratch area. The bytes of this space and the next bytes must be unchanged too.
  const last = frames.at(-1) ?? new Uint8Array(0);
  const isReadAlone = Buffer.compare(buffer.subarray(0, last.length), last) === 0;
  const behind = buffer.subarray(slabEnd + 64 - HEADER_LENGTH, slabEnd + 200);
  const isTidy = isReadAlone && behind.every((byte) => byte === MARK);
  const { flushes, runs } = sockets;
  return { sent: sockets.sent.map(({ bytes }) => bytes), flushes, runs, isTidy };
}

/**
 * Returns the datagrams that the frames should become. An engine with the same session makes them:
 * it gets the packets of the frames one by one.
 */
function referenceOf(frames: readonly Uint8Array[]): Uint8Array[] {
  const { engine } = session(copyCipherProvider(nobleProvider));
  const splitter = new SuperPacketSplitter();
  const sent: Uint8Array[] = [];
  for (const frame of frames) {
    const count = splitter.begin(frame, 0, frame.length);
    for (let i = 0; i < count; i++) {
      const buffer = new Uint8Array(splitter.segmentLength + 128);
      const length = splitter.write(buffer, 64);
      engine.handlePacketAt(buffer, 64, length, NOW);
      for (let out = engine.pollTransmit(); out; out = engine.pollTransmit()) {
        sent.push(out.buffer.slice(out.offset, out.offset + out.length));
      }
      while (engine.pollPacket());
    }
  }
  return sent;
}

/**
 * Returns Alice's engine, which has a session with Bob. The session has the same keys each time.
 */
function session(crypto: CryptoProvider): { engine: Engine } {
  const alice = engineOf(ALICE, BOB, crypto);
  const bob = engineOf(BOB, ALICE, copyCipherProvider(nobleProvider));
  alice.connect(BOB.publicKey, 0);
  for (const [from, to, person] of [
    [alice, bob, ALICE],
    [bob, alice, BOB],
    [alice, bob, ALICE],
  ] as const) {
    for (let out = from.pollTransmit(); out; out = from.pollTransmit()) {
      const bytes = out.buffer.slice(out.offset, out.offset + out.length);
      to.handleDatagram(bytes, person.endpoint, 0);
    }
  }
  return { engine: alice };
}

function engineOf(person: Person, other: Person, crypto: CryptoProvider): Engine {
  const engine = new Engine({
    randomBytes: seededRandomBytes(person.number),
    unixTime: () => 1_700_000_000_000,
    crypto,
  });
  const { publicKey, endpoint } = other;
  const allowedIps = [{ address: other.ipv4, prefixLength: 32 }];
  const peers = [{ publicKey, endpoint, allowedIps }];
  engine.configure({ privateKey: person.privateKey, peers }, 0);
  return engine;
}

/**
 * Returns a provider whose ciphers do not encrypt. Their `sealRun` overwrites the 64 bytes in front
 * of each text and the 64 bytes behind it, because the contract of `Cipher.sealRun` allows that.
 */
function untidyProvider(): CryptoProvider {
  const provider = copyCipherProvider(nobleProvider);
  const createCipher = (key: Uint8Array): Cipher => {
    const cipher = provider.createCipher(key);
    return {
      seal: (...text) => cipher.seal(...text),
      open: (...text) => cipher.open(...text),
      destroy: () => cipher.destroy(),
      sealRun(counter, buffer, offset, length, stride, count) {
        for (let i = 0; i < count; i++) {
          const at = offset + i * stride;
          buffer.fill(0xd1, at - 64, at);
          buffer.fill(0xd2, at + length, at + length + 64);
          cipher.seal(counter + i, buffer, at, length);
        }
      },
    };
  };
  return { ...provider, createCipher };
}

/**
 * Fake threads. They refuse a run of fewer than eight packets. They seal a longer run later: when
 * `finish` waits for the run, or in a call of `hasFinished` if `steps` says so. Until then, the
 * messages of the run are not complete.
 */
class FakeThreads implements SealingThreads {
  readonly running = 2;
  /** For each run in progress, a function that seals the run. */
  readonly left: (() => void)[] = [];
  /** How many runs were still in progress after each call of `finish`. */
  readonly inProgress: number[] = [];
  #isOpen = false;
  #done = 0;
  #asked = 0;
  readonly #steps: readonly boolean[];

  /**
   * @param steps for each call of `hasFinished` while a run is in progress: whether the threads
   *   seal one run before the call returns. After the last step, the first step follows.
   */
  constructor(steps: readonly boolean[] = [false]) {
    this.#steps = steps;
  }

  get isBusy(): boolean {
    return this.left.length > 0;
  }

  get mark(): number {
    return this.#done + this.left.length;
  }

  open(): void {
    this.#isOpen = true;
  }

  hasFinished(mark: number): boolean {
    if (this.isBusy && this.#steps[this.#asked++ % this.#steps.length]) this.#sealOne();
    return this.#done >= mark;
  }

  finish(mark: number = this.mark): void {
    while (this.#done < mark) this.#sealOne();
    this.inProgress.push(this.left.length);
  }

  close(): void {
    if (this.isBusy) this.finish();
    this.#isOpen = false;
  }

  #sealOne(): void {
    this.left.shift()!();
    this.#done++;
  }

  provider(): CryptoProvider {
    const provider = untidyProvider();
    const createCipher = (key: Uint8Array): Cipher => {
      const cipher = provider.createCipher(key);
      return {
        ...cipher,
        sealRunLater: (counter, buffer, offset, length, stride, count, receiver) => {
          if (!this.#isOpen || count < 8) return false;
          this.left.push(() => {
            cipher.sealRun!(counter, buffer, offset, length, stride, count);
            for (let i = 0; i < count; i++) {
              writeTransportHeader(
                buffer,
                offset + i * stride - HEADER_LENGTH,
                receiver,
                counter + i,
              );
            }
          });
          return true;
        },
      };
    };
    return { ...provider, createCipher };
  }
}

/** A TUN from which the frames are read, each with its own vnet header. */
class FrameTun extends FakeTun {
  readonly #frames: Uint8Array[];

  constructor(frames: readonly Uint8Array[]) {
    super();
    this.#frames = [...frames];
  }

  override read(buffer: Uint8Array, offset: number): number {
    const frame = this.#frames.shift();
    if (!frame) return 0;
    buffer.set(frame, offset);
    return frame.length;
  }
}

/** Returns a packet of `length` bytes with a vnet header in front. */
function singleFrame(length: number, destination: Uint8Array = BOB.ipv4): Uint8Array {
  const payload = Array.from({ length: 251 }, (_, i) => i ^ (length & 0xff));
  const packet = ipPacket({ source: ALICE.ipv4, destination, length, payload });
  const frame = new Uint8Array(VNET_HEADER_LENGTH + length);
  frame.set(packet, VNET_HEADER_LENGTH);
  return frame;
}

/**
 * Returns a TCP super-packet with `payload` bytes of payload. Each of its segments has 40 bytes of
 * headers and `each` bytes of payload; the last segment may have less payload.
 */
function superFrame(payload: number, each: number): Uint8Array {
  const frame = singleFrame(40 + payload);
  const header = {
    flags: VNET_FLAG_NEEDS_CHECKSUM,
    gsoType: VNET_GSO_TCPV4,
    headerLength: 40,
    gsoSize: each,
    checksumStart: 20,
    checksumOffset: 16,
  };
  encodeVnetHeader(header, frame, 0);
  frame[VNET_HEADER_LENGTH + 9] = 6;
  frame[VNET_HEADER_LENGTH + 32] = 0x50;
  return frame;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

const NOW = 1000;
const MARK = 0xee;
