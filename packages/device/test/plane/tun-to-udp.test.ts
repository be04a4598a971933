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
  it('sends the same messages with any number of packets per run', () => {
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

  it('sends the same messages in the same order when other threads seal the runs', () => {
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

  it('lets other threads seal the later runs while it sends the first one', () => {
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
    // 45 places of 1536 bytes: three runs fit into the slab, and the fourth one does not.
    const frame = superFrame(45 * 1380, 1380);
    const threads = new FakeThreads();
    const { sent, flushes } = sentBy([frame, frame, frame, frame], 2 ** 18, threads);
    expect(sent.map(textOf)).toEqual(referenceOf([frame, frame, frame, frame]).map(textOf));
    expect(flushes).toEqual([45, 45, 45, 45]);
    // When the first run has left, its space is a little too short for the fourth one, because some
    // bytes in front of the second run stay free. So two runs must leave.
    expect(threads.inProgress.at(0)).toBe(2);
    expect(threads.inProgress.at(-1)).toBe(0);
  });

  it.each([
    // A segment with 57 bytes of payload has 97 bytes. Its place in the slab has 256 bytes.
    ['fill the slab to the last byte', 4 * 57, 57, 1024, [4]],
    ['are one more than fit into the slab', 5 * 57, 57, 1024, [4, 1]],
    ['leave a little less space than one more needs', 5 * 57, 57, 5 * 256 - 64, [4, 1]],
    ['end with a shorter one in a place of full size', 3 * 57 + 1, 57, 1024, [4]],
    ['fill a slab of the real length', 1024 * 57, 57, 2 ** 18, [1024]],
    ['are one more than fit into a slab of the real length', 1025 * 57, 57, 2 ** 18, [1024, 1]],
    ['are long, and the last begins near the end', 65_000, 30_000, 3 * 30_144, [3]],
    ['are long, and the last does not fit any more', 65_000, 30_000, 3 * 30_144 - 64, [2, 1]],
    ['are a single one that takes the whole slab', 65_435, 65_435, 65_600, [1]],
  ])('sends segments that %s', (_, payload, each, slabLength, flushes) => {
    const frame = superFrame(payload, each);
    const out = sentBy([frame], slabLength);
    expect(out.sent.map(textOf)).toEqual(referenceOf([frame]).map(textOf));
    // Each flush was one run, so no packet was sent alone.
    expect([out.flushes, out.runs]).toEqual([flushes, flushes]);
    expect(out.isTidy).toBe(true);
  });

  it('sends the super-packets of a batch with one flush, so that the last datagrams of one leave together with the first datagrams of the next', () => {
    // Each super-packet has 47 segments, as the kernel makes it of a TCP stream with an MTU of 1420
    // bytes.
    const frame = superFrame(47 * 1380, 1380);
    const out = sentBy([frame, frame], 2 ** 18);
    expect(out.sent.map(textOf)).toEqual(referenceOf([frame, frame]).map(textOf));
    expect(out.flushes).toEqual([94]);
  });

  it('places the next packet directly behind a run', () => {
    // The places take 2 * 256 and 192 bytes, which is exactly the length of the slab.
    const frames = [superFrame(2 * 57, 57), singleFrame(96), singleFrame(20)];
    const out = sentBy(frames, 2 * 256 + 192);
    expect(out.sent.map(textOf)).toEqual(referenceOf(frames).map(textOf));
    expect(out.flushes).toEqual([3, 1]);
    expect(out.isTidy).toBe(true);
  });
});

const NOBODY: Uint8Array = Uint8Array.of(10, 9, 9, 9);

/** Packet memory with a shorter slab. Everything around the slab is at the usual place. */
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
 * Sends the frames. Returns the datagrams as they were when they were flushed, and how many each
 * flush and each run had. `isTidy`: whether the bytes around the slab are unchanged.
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
  // The last frame that was read is unchanged, and so is the space for the vnet header of the
  // scratch area.
  const last = frames.at(-1) ?? new Uint8Array(0);
  const isReadAlone = Buffer.compare(buffer.subarray(0, last.length), last) === 0;
  const behind = buffer.subarray(slabEnd + 64 - HEADER_LENGTH, slabEnd + 200);
  const isTidy = isReadAlone && behind.every((byte) => byte === MARK);
  const { flushes, runs } = sockets;
  return { sent: sockets.sent.map(({ bytes }) => bytes), flushes, runs, isTidy };
}

/**
 * Returns the datagrams of the same packets, made by an engine of the same session that gets them
 * one by one.
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

/** Encrypts nothing, and overwrites all bytes around a text that `Cipher.sealRun` may overwrite. */
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
 * Fake threads. They seal a long run only when `finish` waits for it, or when one of `steps` is
 * true. Until then, its messages are not complete.
 */
class FakeThreads implements SealingThreads {
  readonly running = 2;
  /** The runs in progress. */
  readonly left: (() => void)[] = [];
  /** How many runs were left after each call of `finish`. */
  readonly inProgress: number[] = [];
  #isOpen = false;
  #done = 0;
  #asked = 0;
  readonly #steps: readonly boolean[];

  /**
   * @param steps for each call of `hasFinished`, in turn: whether the threads seal a run before it
   *   answers
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

/** A TUN that returns the frames with their own vnet headers. */
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

/** A packet of `length` bytes with its vnet header. */
function singleFrame(length: number, destination: Uint8Array = BOB.ipv4): Uint8Array {
  const payload = Array.from({ length: 251 }, (_, i) => i ^ (length & 0xff));
  const packet = ipPacket({ source: ALICE.ipv4, destination, length, payload });
  const frame = new Uint8Array(VNET_HEADER_LENGTH + length);
  frame.set(packet, VNET_HEADER_LENGTH);
  return frame;
}

/**
 * A TCP super-packet with `payload` bytes of payload. Each of its segments has `each` bytes of
 * payload and 40 bytes of headers.
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
