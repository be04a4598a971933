/**
 * `WarmUp`: sends packets between two ends of its own, before the device's first packets.
 *
 * ```
 *   TUN a -> seal -> UDP over loopback -> open -> TUN b, the other end of TUN a; and back
 * ```
 *
 * V8 interprets code that runs for the first time. It compiles code that has run often, in threads
 * of its own. So the first stream of a device is slow for about a second, while those threads
 * compete with the packet loop for the processors. The warm-up uses the same classes as the device,
 * so that V8 compiles the code that the device runs. `pnpm bench:start` measures the gain and the
 * cost.
 *
 * @module
 */
import {
  Endpoint,
  generatePrivateKey,
  nobleProvider,
  publicKeyOf,
  type PublicKey,
} from '@litz/core';
import { Closers } from '../linux/closers.ts';
import { DataPlane, type DataPlaneOptions } from '../plane/data-plane.ts';
import type { DatagramSocket, Tun } from '../plane/io-interfaces.ts';
import { createRandomBytes } from '../plane/random-source.ts';
import { ADDRESSES, FIRST_LAPS, SMALL_LAPS, warmUpLaps, type From } from './warm-up-laps.ts';

/**
 * `memory` may be the memory of the device. It must hold no packet when `step` is called, and holds
 * none when `step` returns.
 */
export interface WarmUpOptions extends Pick<
  DataPlaneOptions,
  'memory' | 'bytes' | 'crypto' | 'closeSockets'
> {
  /** Returns two TUNs; a packet written to one is read from the other. Called once. */
  readonly openTuns: () => readonly [Tun, Tun];
  readonly closeTun: (tun: Tun) => void;
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
  #isDone = false;
  /** How many laps have begun. */
  #lap = 0;
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

  /** Whether the laps of single packets are over. Streams follow. */
  get hasSentSingles(): boolean {
    return this.#isDone || this.#lap > FIRST_LAPS + SMALL_LAPS;
  }

  /**
   * Runs one slice. The first slices take one or two milliseconds, later ones a tenth of that. An
   * error only ends the warm-up: the device works without the compiled code.
   */
  step(now: number): void {
    if (this.#isDone) return;
    this.#now = now;
    try {
      if (this.#slices.next().done !== true) return;
    } catch {
      // For instance, no descriptors or memory are left.
    }
    this.close();
  }

  /** Ends the warm-up: wipes the keys and closes everything. Never throws; may be called again. */
  close(): void {
    this.#isDone = true;
    // A generator that is suspended would keep both ends alive.
    this.#slices.return();
    this.#closers.close();
  }

  *#perform(): Generator<void, void, void> {
    const { openTuns, closeTun } = this.#options;
    const tuns = openTuns();
    for (const tun of tuns) this.#closers.add(() => closeTun(tun));
    yield;
    const a = yield* this.#openEnd(tuns[0]);
    const b = yield* this.#openEnd(tuns[1]);
    let misses = 0;
    for (const [forth, back] of warmUpLaps(tuns[0].offloads?.tcp === true)) {
      if (this.#lap++ % LAPS_PER_SESSION === 0) yield* this.#meet(a, b);
      const isThere = yield* this.#carry(a, b, forth);
      const isBack = yield* this.#carry(b, a, back);
      if (isThere && isBack) this.laps++;
      misses = isThere && isBack ? 0 : misses + 1;
      if (misses === MOST_MISSES) return;
    }
  }

  *#openEnd(tun: Tun): Generator<void, End, void> {
    const end = createEnd(tun, this.#options);
    this.#closers.add(() => end.plane.close(this.#now));
    yield;
    end.plane.linkUp(this.#options.openSockets(), this.#now);
    yield;
    return end;
  }

  /** Makes each end the only peer of the other one, without a session between them. */
  *#meet(a: End, b: End): Generator<void, void, void> {
    setPeer(a, b, 1, this.#now);
    yield;
    setPeer(b, a, 0, this.#now);
    yield;
  }

  /** Sends packets from one end to the other. @returns whether packets arrived */
  *#carry(from: End, to: End, packets: readonly Uint8Array[]): Generator<void, boolean, void> {
    const { memory } = this.#options;
    const { buffer, readOffset, readLength } = memory;
    for (const packet of packets) {
      buffer.set(packet, readOffset);
      // What is written to one TUN is read from the other one.
      to.tun.write(buffer, readOffset, packet.length);
    }
    from.plane.path.readTun(this.#now);
    from.plane.finish(this.#now);
    yield;
    const { path } = to.plane;
    const before = path.writtenPackets;
    path.receive(this.#now, IPV4_SOCKET);
    to.plane.finish(this.#now);
    while (from.tun.read(buffer, readOffset, readLength) > 0);
    yield;
    return path.writtenPackets > before;
  }
}

/** One of the two ends: a data plane like the device's, with a key of its own. */
interface End {
  readonly tun: Tun;
  readonly plane: DataPlane;
  readonly publicKey: PublicKey;
}

function createEnd(tun: Tun, options: WarmUpOptions): End {
  const plane = new DataPlane({ ...options, tun, onEvent: () => {} });
  const privateKey = generatePrivateKey(createRandomBytes());
  const publicKey = publicKeyOf(privateKey, options.crypto ?? nobleProvider);
  plane.configure({ privateKey }, undefined, 0);
  privateKey.fill(0);
  return { tun, plane, publicKey };
}

function setPeer({ plane }: End, other: End, index: From, now: number): void {
  const endpoint = new Endpoint(LOOPBACK, other.plane.path.sockets?.port ?? 0);
  const allowedIps = [{ address: ADDRESSES[index], prefixLength: 32 }];
  const peer = { publicKey: other.publicKey, endpoint, allowedIps };
  plane.configure({ replacePeers: true, peers: [peer] }, undefined, now);
}

/**
 * New sessions begin after this many laps. Handshakes are rare, but V8 must not compile the code as
 * if there were none.
 */
const LAPS_PER_SESSION = 100;
/**
 * After this many laps in a row in which packets did not arrive, the warm-up ends. A handshake
 * takes one or two laps.
 */
const MOST_MISSES = 20;
const LOOPBACK = Uint8Array.of(127, 0, 0, 1);
/** Index of the IPv4 socket in `fds`; it comes first. */
const IPV4_SOCKET = 0;
