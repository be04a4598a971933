/**
 * `WarmUp`: packets go round between two ends of our own, before anybody else's come.
 *
 * ```
 *   TUN a -> seal -> UDP over loopback -> open -> TUN b, the other end of TUN a; and back
 * ```
 * V8 interprets what it runs for the first time and compiles, in threads of its own, what it has run
 * often. So the first stream of a device is slow for a second, in which those threads take the
 * processors from it. All here is of the very classes that the device uses, so that what is compiled
 * is what the device runs; and what comes rarely comes here too, since code that was compiled without
 * having seen it is thrown away when it comes.
 *
 * @module
 */
import { Closers } from '../linux/closers.ts';
import type { DatagramSocket, Tun } from '../plane/io-interfaces.ts';
import { createRandomBytes } from '../plane/random-source.ts';
import { WarmUpEnd, type WarmUpEndOptions } from './warm-up-end.ts';
import {
  plainPacket,
  TCP_HEADERS_LENGTH,
  tcpPacket,
  udpPacket,
  type From,
  type WarmUpPacket,
} from './warm-up-packets.ts';

/** `memory` may be the device's: whenever `step` is called and when it returns, nothing is in it. */
export interface WarmUpOptions extends Omit<WarmUpEndOptions, 'tun' | 'payload'> {
  /** What is written to the one is read from the other. Called once. */
  readonly openTuns: () => readonly [Tun, Tun];
  /** Default: `tun.close()`. */
  readonly closeTun?: (tun: Tun) => void;
  /** On a free port, of loopback too. Called once for each end. */
  readonly openSockets: () => DatagramSocket;
}

export class WarmUp {
  /** How often packets went there and back. */
  laps = 0;
  readonly #options: WarmUpOptions;
  /** One slice per `next`. */
  readonly #slices: Generator<void, void, void>;
  readonly #closers: Closers = new Closers();
  /** What was thrown by what could not be closed. */
  readonly #errors: unknown[] = [];
  #isDone = false;
  #now = 0;

  /** Opens nothing yet. */
  constructor(options: WarmUpOptions) {
    this.#options = options;
    this.#slices = this.#perform();
  }

  /** It is over, and all that it opened is closed. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * One slice of it: of a millisecond or two at first, of a tenth of that later. Whatever fails only
   * ends it.
   */
  step(now: number): void {
    if (this.#isDone) return;
    this.#now = now;
    try {
      if (this.#slices.next().done === true) this.end();
    } catch {
      // Without descriptors or memory left, the device goes on without what this would have compiled.
      this.end();
    }
  }

  /**
   * Wipes the keys and closes everything. May be called again. What fails says nothing of the device,
   * which goes on: `close` tells of it.
   */
  end(): void {
    this.#isDone = true;
    // One that stands still in the middle would keep both ends.
    this.#slices.return();
    this.#errors.push(...this.#closers.close());
  }

  /**
   * Ends it, if it goes on.
   *
   * @throws once, what the first threw that could not be closed, now or before
   */
  close(): void {
    this.end();
    const errors = this.#errors.splice(0);
    if (errors.length > 0) throw errors[0];
  }

  *#perform(): Generator<void, void, void> {
    const tuns = this.#options.openTuns();
    const { closeTun = (tun: Tun) => tun.close() } = this.#options;
    for (const tun of tuns) this.#closers.add(() => closeTun(tun));
    yield;
    const payload = new Uint8Array(LONG * SEGMENT_LENGTH);
    createRandomBytes()(payload);
    const a = yield* this.#openEnd(tuns[0], payload);
    const b = yield* this.#openEnd(tuns[1], payload);
    for (const { exchanges, laps } of createScenes(tuns[0].offloads?.tcp === true)) {
      let misses = 0;
      for (let lap = 0; lap < laps; lap++) {
        if (lap % LAPS_PER_SESSION === 0) yield* this.#meet(a, b);
        const isThrough = yield* this.#goRound(a, b, exchanges[lap % exchanges.length]!);
        if (isThrough) this.laps++;
        misses = isThrough ? 0 : misses + 1;
        if (misses === MOST_MISSES) return;
      }
    }
  }

  *#openEnd(tun: Tun, payload: Uint8Array): Generator<void, WarmUpEnd, void> {
    const end = new WarmUpEnd({ ...this.#options, tun, payload });
    this.#closers.add(() => end.close(this.#now));
    yield;
    end.open(this.#options.openSockets(), this.#now);
    yield;
    return end;
  }

  *#meet(a: WarmUpEnd, b: WarmUpEnd): Generator<void, void, void> {
    a.meet(b, 1, this.#now);
    yield;
    b.meet(a, 0, this.#now);
    yield;
  }

  /** @returns whether something came out at both ends */
  *#goRound(a: WarmUpEnd, b: WarmUpEnd, [forth, back]: Exchange): Generator<void, boolean, void> {
    b.put(forth);
    a.send(this.#now);
    yield;
    const isThere = b.receive(this.#now);
    a.clear();
    yield;
    a.put(back);
    b.send(this.#now);
    yield;
    const isBack = a.receive(this.#now);
    b.clear();
    yield;
    return isThere && isBack;
  }
}

/** What the two ends send in one lap. */
type Exchange = readonly [forth: readonly WarmUpPacket[], back: readonly WarmUpPacket[]];

interface Scene {
  /** One per lap, over and over. */
  readonly exchanges: readonly Exchange[];
  readonly laps: number;
}

/**
 * Small packets; then streams, and the acknowledgements that come back: in short super-packets first,
 * for some of the code runs once in each, whatever its length.
 */
function createScenes(tcp: boolean): Scene[] {
  const small: Exchange[] = [
    [[plainPacket(0, 64)], [plainPacket(1, 64)]],
    [[udpPacket(0, 64)], [udpPacket(1, 64)]],
  ];
  const streams = (count: number, segments: number): Exchange[] => [
    [stream(0, count, tcp ? segments : 1), [acknowledgement(1)]],
    [[acknowledgement(0)], stream(1, count, tcp ? segments : 1)],
  ];
  const long = streams(1, LONG);
  return [
    { exchanges: small, laps: LAPS[0] },
    { exchanges: streams(2, 2), laps: LAPS[1] },
    { exchanges: [...long, ...long, ...streams(MORE_THAN_A_BATCH, LONG)], laps: LAPS[2] },
  ];
}

/** `count` packets of a stream, with a gap between one and the next: they are not to be joined. */
function stream(from: From, count: number, segments: number): WarmUpPacket[] {
  const length = segments * SEGMENT_LENGTH - SHORTER_END;
  return Array.from({ length: count }, (_, i) =>
    tcpPacket(from, SEQUENCES[i % SEQUENCES.length]!, length, SEGMENT_LENGTH),
  );
}

function acknowledgement(from: From): WarmUpPacket {
  return tcpPacket(from, SEQUENCES[0], 0, SEGMENT_LENGTH);
}

/** Of the three scenes. With twice as many, the first second of a stream was no faster. */
const LAPS = [400, 700, 50] as const;
/** Handshakes are rare, and yet nothing is to be compiled as if there were none. */
const LAPS_PER_SESSION = 100;
/** Laps in a row that nothing comes through; a handshake takes one or two. */
const MOST_MISSES = 20;
/** Payload of an interface whose MTU is 1420. */
const SEGMENT_LENGTH: number = 1420 - TCP_HEADERS_LENGTH;
/** Segments of the longest super-packet that one message of the sockets takes. */
const LONG = 45;
/** Super-packets of that length. */
const MORE_THAN_A_BATCH = 3;
/** By so much is the last segment shorter than the others. */
const SHORTER_END = 100;
/** On both sides of 2^31. */
const SEQUENCES = [0xf000_0000, 0x1000_0000] as const;
