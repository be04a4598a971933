/**
 * `SimulatedPath`: two stacks, a clock that jumps from one event to the next, and a path between
 * the stacks that delays, loses, reorders, repeats, corrupts and marks packets. A seed determines
 * what happens to each packet, so every run is the same.
 *
 * @module
 */
import { LossyPath, seededRandomBytes, type PathOptions } from '@litz/testkit';
import { createPacketOffload, Stack, type StackOptions } from '../../src/index.ts';
import { splitSuperPacket } from './split.ts';

export interface SimulatedPathOptions extends PathOptions {
  /**
   * 'plain': the devices take single packets. 'offload': the devices take super-packets. 'mixed':
   * each call of `collect` chooses one of the two for each device at random.
   */
  device?: 'plain' | 'offload' | 'mixed';
  stack?: Partial<StackOptions>;
}

export class SimulatedPath {
  now = 1000;
  readonly a: Stack;
  readonly b: Stack;
  /** Called with every packet, before the path may lose the packet. */
  onPacket: (from: Stack, packet: Uint8Array) => void = () => {};
  readonly #options: SimulatedPathOptions;
  readonly #path: LossyPath;
  readonly #buffer = new Uint8Array(66_000);

  constructor(options: SimulatedPathOptions = {}) {
    this.#options = options;
    const seed = options.seed ?? 1;
    this.#path = new LossyPath({ latency: 10, ...options });
    const create = (address: string[], offset: number): Stack =>
      new Stack({
        randomBytes: seededRandomBytes(seed + offset),
        addresses: address,
        ...options.stack,
      });
    this.a = create(['10.0.0.1', 'fd00::1'], 1);
    this.b = create(['10.0.0.2', 'fd00::2'], 2);
  }

  /** The number of packets that were put on the path, including lost packets. */
  get sent(): number {
    return this.#path.sent;
  }

  get lost(): number {
    return this.#path.lost;
  }

  /** Replaces the options of the path. */
  set options(options: PathOptions) {
    this.#path.options = { latency: 10, ...options };
  }

  /** Takes all packets that the stacks want to send now, and puts these packets on the path. */
  collect(): void {
    for (const stack of [this.a, this.b]) {
      const offload = this.#takesSuperPackets() ? createPacketOffload() : undefined;
      for (let count = 0; ; count++) {
        const length = stack.pollPacket(this.#buffer, 0, this.now, offload);
        if (length === 0) break;
        if (count > MOST_PACKETS) throw new Error('the stack sends without end');
        const packet = this.#buffer.slice(0, length);
        for (const part of splitSuperPacket(packet, offload)) {
          this.onPacket(stack, part);
          this.#path.put(stack === this.a ? 1 : 0, part, this.now);
        }
      }
    }
  }

  /** Performs the next event. Returns false if no event is due at the time `until` or before. */
  step(until: number = Infinity): boolean {
    this.collect();
    const next = Math.min(this.#path.deadline, this.a.pollTimeout(), this.b.pollTimeout());
    if (next > until || next === Infinity) return false;
    this.now = Math.max(this.now, next);
    this.#deliver();
    for (const stack of [this.a, this.b]) {
      if (stack.pollTimeout() <= this.now) stack.handleTimeout(this.now);
    }
    this.collect();
    return true;
  }

  /** Performs all events of the next `duration` ms, and moves the clock by that time. */
  drive(duration: number): void {
    const until = this.now + duration;
    while (this.step(until));
    this.now = until;
  }

  #takesSuperPackets(): boolean {
    const { device = 'plain' } = this.#options;
    return device === 'mixed' ? this.#path.random() < 0.5 : device === 'offload';
  }

  #deliver(): void {
    const hosts = [this.a, this.b];
    for (let flight = this.#path.take(this.now); flight; flight = this.#path.take(this.now)) {
      hosts[flight.to].handlePacket(flight.packet, 0, flight.packet.length, this.now);
    }
  }
}

/** `collect` throws an error after more packets of one stack. The largest window has fewer. */
const MOST_PACKETS = 100_000;
