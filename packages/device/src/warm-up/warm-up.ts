/**
 * `WarmUp`: sends packets between two ends of our own, before the first packets of others come.
 *
 * ```
 *   TUN a -> seal -> UDP over loopback -> open -> TUN b, the other end of TUN a; and back
 * ```
 *
 * V8 interprets code that runs for the first time. It compiles code that has run often, in threads
 * of its own. So the first stream of a device is slow for about a second, while those threads
 * compete with it for the processors. The warm-up uses the same classes as the device, so that V8
 * compiles the code that the device runs. It also includes rare cases, because V8 discards compiled
 * code when a case comes that it has not seen before.
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

/**
 * `memory` may be the device's: it holds no packet when `step` is called, and none when `step`
 * returns.
 */
export interface WarmUpOptions extends Omit<WarmUpEndOptions, 'tun' | 'payload'> {
  /** Returns two TUNs; a packet written to one is read from the other. Called once. */
  readonly openTuns: () => readonly [Tun, Tun];
  /** Called instead of `tun.close()`, if given. */
  readonly closeTun?: (tun: Tun) => void;
  /** Opens sockets on a free port that is reachable over loopback. Called once for each end. */
  readonly openSockets: () => DatagramSocket;
}

export class WarmUp {
  /** How many times packets went to the other end and back. */
  laps = 0;
  readonly #options: WarmUpOptions;
  /** Each `next` runs one slice. */
  readonly #slices: Generator<void, void, void>;
  readonly #closers: Closers = new Closers();
  /** Errors of resources that could not be closed. */
  readonly #errors: unknown[] = [];
  #isDone = false;
  #now = 0;

  /** Opens nothing yet. */
  constructor(options: WarmUpOptions) {
    this.#options = options;
    this.#slices = this.#perform();
  }

  /** Whether the warm-up is over and everything that it opened is closed. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * Runs one slice. The first slices take one or two milliseconds, later ones a tenth of that. An
   * error only ends the warm-up.
   */
  step(now: number): void {
    if (this.#isDone) return;
    this.#now = now;
    try {
      if (this.#slices.next().done === true) this.end();
    } catch {
      // For instance, no descriptors or memory are left. The device goes on without the compiled
      // code.
      this.end();
    }
  }

  /**
   * Ends the warm-up: wipes the keys and closes everything. May be called again. If something
   * cannot be closed, the device goes on, and `close` throws the error.
   */
  end(): void {
    this.#isDone = true;
    // A generator that is suspended would keep both ends alive.
    this.#slices.return();
    this.#errors.push(...this.#closers.close());
  }

  /**
   * Ends the warm-up if it is still in progress.
   *
   * @throws the first error of a resource that could not be closed, in this or an earlier call;
   *   only once
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

  /** @returns whether packets arrived at both ends */
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

/** The packets that the two ends send in one lap. */
type Exchange = readonly [forth: readonly WarmUpPacket[], back: readonly WarmUpPacket[]];

interface Scene {
  /** One exchange per lap, repeated in order. */
  readonly exchanges: readonly Exchange[];
  readonly laps: number;
}

/**
 * Returns the scenes: first small packets, then streams with their acknowledgements. Streams begin
 * with short super-packets, because some code runs once per super-packet, whatever its length.
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

/**
 * Returns `count` packets of a stream. Their sequence numbers have gaps, so that the packets are
 * not joined.
 */
function stream(from: From, count: number, segments: number): WarmUpPacket[] {
  const length = segments * SEGMENT_LENGTH - SHORTER_END;
  return Array.from({ length: count }, (_, i) =>
    tcpPacket(from, SEQUENCES[i % SEQUENCES.length]!, length, SEGMENT_LENGTH),
  );
}

function acknowledgement(from: From): WarmUpPacket {
  return tcpPacket(from, SEQUENCES[0], 0, SEGMENT_LENGTH);
}

/** Laps of the three scenes. Twice as many did not make the first second of a stream faster. */
const LAPS = [400, 700, 50] as const;
/**
 * New sessions begin after this many laps. Handshakes are rare, but V8 must not compile the code as
 * if there were none.
 */
const LAPS_PER_SESSION = 100;
/**
 * After this many laps in a row without packets the warm-up ends. A handshake takes one or two
 * laps.
 */
const MOST_MISSES = 20;
/** TCP payload in bytes of an interface whose MTU is 1420. */
const SEGMENT_LENGTH: number = 1420 - TCP_HEADERS_LENGTH;
/** Segments of the longest super-packet that fits into one message of the sockets. */
const LONG = 45;
/** This many super-packets of `LONG` segments are more than one batch. */
const MORE_THAN_A_BATCH = 3;
/** The last segment of a super-packet is shorter than the others by this many bytes. */
const SHORTER_END = 100;
/** TCP sequence numbers on both sides of 2^31. */
const SEQUENCES = [0xf000_0000, 0x1000_0000] as const;
