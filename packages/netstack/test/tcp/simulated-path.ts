/**
 * `SimulatedPath`: two stacks, a clock that jumps from one event to the next, and a path between
 * them that delays, loses, reorders, repeats, corrupts and marks packets by a seed. Every run is
 * the same.
 *
 * @module
 */
import { seededRandom, seededRandomBytes } from '@litz/testkit';
import {
  createPacketOffload,
  Stack,
  type PacketOffload,
  type StackOptions,
} from '../../src/index.ts';
import { splitSuperPacket } from './split.ts';

export interface PathOptions {
  seed?: number;
  /** In one direction, in ms. */
  latency?: number;
  /** The most ms that a packet is late; more than the distance of two packets reorders them. */
  jitter?: number;
  loss?: number;
  duplicates?: number;
  corruption?: number;
  /** Bytes in a millisecond; Infinity: no limit. */
  rate?: number;
  /** The most bytes that wait for the rate. */
  queue?: number;
  /** Packets longer than this are lost without a word. */
  blackHole?: number;
  /** The share of packets that are marked instead of lost (RFC 3168). */
  marks?: number;
  /** How a device takes packets: one by one, or super-packets; 'mixed': either, by the seed. */
  device?: 'plain' | 'offload' | 'mixed';
  stack?: Partial<StackOptions>;
}

interface Flight {
  at: number;
  to: Stack;
  packet: Uint8Array;
  offload: PacketOffload | undefined;
}

export class SimulatedPath {
  now = 1000;
  readonly a: Stack;
  readonly b: Stack;
  /** Packets that were put on the path, with those that were lost. */
  sent = 0;
  lost = 0;
  options: PathOptions;
  /** Sees every packet before it may be lost. */
  onPacket: (from: Stack, packet: Uint8Array) => void = () => {};
  readonly #random: () => number;
  #flights: Flight[] = [];
  readonly #freeAt = new Map<Stack, number>();
  readonly #buffer = new Uint8Array(66_000);

  constructor(options: PathOptions = {}) {
    this.options = options;
    const seed = options.seed ?? 1;
    this.#random = seededRandom(seed);
    const create = (address: string[], offset: number): Stack =>
      new Stack({
        randomBytes: seededRandomBytes(seed + offset),
        addresses: address,
        ...options.stack,
      });
    this.a = create(['10.0.0.1', 'fd00::1'], 1);
    this.b = create(['10.0.0.2', 'fd00::2'], 2);
  }

  /** Takes what the stacks want to send now. */
  collect(): void {
    for (const stack of [this.a, this.b]) {
      const offload = this.#takesSuperPackets() ? createPacketOffload() : undefined;
      for (;;) {
        const length = stack.pollPacket(this.#buffer, 0, this.now, offload);
        if (length === 0) break;
        const packet = this.#buffer.slice(0, length);
        for (const part of splitSuperPacket(packet, offload)) this.#launch(stack, part);
      }
    }
  }

  /** Performs the next event. Returns false if there is none until `until`. */
  step(until: number = Infinity): boolean {
    this.collect();
    const next = Math.min(
      ...this.#flights.map(({ at }) => at),
      this.a.pollTimeout(),
      this.b.pollTimeout(),
    );
    if (next > until || next === Infinity) return false;
    this.now = Math.max(this.now, next);
    this.#deliver();
    for (const stack of [this.a, this.b]) {
      if (stack.pollTimeout() <= this.now) stack.handleTimeout(this.now);
    }
    this.collect();
    return true;
  }

  /** Performs all events of a time, and moves the clock by it. */
  drive(duration: number): void {
    const until = this.now + duration;
    while (this.step(until));
    this.now = until;
  }

  #takesSuperPackets(): boolean {
    const { device = 'plain' } = this.options;
    return device === 'mixed' ? this.#random() < 0.5 : device === 'offload';
  }

  #launch(from: Stack, packet: Uint8Array): void {
    const { latency = 10, jitter = 0, loss = 0, duplicates = 0, marks = 0 } = this.options;
    this.sent++;
    this.onPacket(from, packet);
    const isMarkable = (packet[0] >>> 4 === 4 ? packet[1] : packet[1] >>> 4) & 3;
    const isMarked = isMarkable && this.#random() < marks;
    if (packet.length > (this.options.blackHole ?? Infinity) || this.#random() < loss) {
      this.lost++;
      return;
    }
    const departs = this.#departure(from, packet.length);
    if (departs === undefined) return;
    const copies = this.#random() < duplicates ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const at = departs + latency + this.#random() * jitter;
      const bytes = packet.slice();
      if (isMarked) mark(bytes);
      this.#corrupt(bytes);
      this.#flights.push({
        at,
        to: from === this.a ? this.b : this.a,
        packet: bytes,
        offload: undefined,
      });
    }
  }

  /** When the last byte of a packet leaves; undefined: the queue is full. */
  #departure(from: Stack, length: number): number | undefined {
    const { rate = Infinity, queue = Infinity } = this.options;
    const free = Math.max(this.now, this.#freeAt.get(from) ?? 0);
    if ((free - this.now) * rate > queue) {
      this.lost++;
      return undefined;
    }
    this.#freeAt.set(from, free + length / rate);
    return free + length / rate;
  }

  #corrupt(bytes: Uint8Array): void {
    if (this.#random() >= (this.options.corruption ?? 0)) return;
    bytes[Math.floor(this.#random() * bytes.length)] ^= 1 << Math.floor(this.#random() * 8);
  }

  #deliver(): void {
    const arriving = this.#flights.filter(({ at }) => at <= this.now);
    this.#flights = this.#flights.filter(({ at }) => at > this.now);
    arriving.sort((x, y) => x.at - y.at);
    for (const { to, packet } of arriving) to.handlePacket(packet, 0, packet.length, this.now);
  }
}

/** Sets the mark of congestion (RFC 3168 5), and the checksum of an IPv4 header. */
function mark(packet: Uint8Array): void {
  if (packet[0] >>> 4 === 6) {
    packet[1] |= 0x30;
    return;
  }
  const before = packet[1];
  packet[1] |= 3;
  const sum = ((packet[10] << 8) | packet[11]) - (packet[1] - before);
  const folded = sum < 0 ? sum + 0xffff : sum;
  packet[10] = folded >>> 8;
  packet[11] = folded & 0xff;
}
