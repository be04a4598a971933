/**
 * `Network`: two hosts and the path between them, in real time.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises';
import { boottimeMs, linux, PollSet } from '@litz/sys';
import { LossyPath, type PathOptions } from '@litz/testkit';
import { KernelHost, type Host } from './hosts.ts';

/** A program on a host. `step` does what is possible now, and returns whether it did anything. */
export interface Program {
  step(): boolean;
}

export class Network {
  readonly hosts: readonly [Host, Host];
  readonly path: LossyPath;
  readonly programs: Program[] = [];
  /** Sees every packet before it may be lost. Returns false to lose it. */
  onPacket: (from: 0 | 1, packet: Uint8Array, now: number) => boolean = () => true;
  /** Sees every packet that arrives. */
  onArrival: (to: 0 | 1, packet: Uint8Array, now: number) => void = () => {};

  #now = 1000;
  #readAt = boottimeMs();

  constructor(hosts: readonly [Host, Host], options: PathOptions = {}) {
    this.hosts = hosts;
    this.path = new LossyPath(options);
  }

  /** In ms. If the machine stops for a while, this clock stops too, so that no timer fires. */
  get now(): number {
    return this.#now;
  }

  /** Runs until `isOver`. @throws {Error} it took longer than `limit` ms */
  async run(isOver: () => boolean, limit = 60_000): Promise<void> {
    await runTogether([this], isOver, limit);
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    await this.run(() => this.now >= end, ms + 60_000);
  }

  /**
   * Delivers packets, runs the programs, and takes new packets. Returns whether anything happened.
   */
  step(): boolean {
    const time = boottimeMs();
    this.#now += Math.min(time - this.#readAt, LONGEST_STEP_MS);
    this.#readAt = time;
    // Packets that have arrived are delivered before the timers run.
    let isBusy = this.#deliver();
    for (const program of this.programs) isBusy = program.step() || isBusy;
    const { now } = this;
    for (const from of [0, 1] as const) {
      for (const packet of this.hosts[from].take(now)) {
        isBusy = true;
        if (this.onPacket(from, packet, now)) this.path.put(from === 0 ? 1 : 0, packet, now);
      }
    }
    return isBusy;
  }

  #deliver(): boolean {
    const { now } = this;
    const arriving: [Uint8Array[], Uint8Array[]] = [[], []];
    for (let flight = this.path.take(now); flight; flight = this.path.take(now)) {
      this.onArrival(flight.to, flight.packet, now);
      arriving[flight.to].push(flight.packet);
    }
    for (const to of [0, 1] as const) {
      if (arriving[to].length > 0) this.hosts[to].give(arriving[to], now);
    }
    return arriving[0].length + arriving[1].length > 0;
  }

  /** When `step` must be called at the latest. */
  get deadline(): number {
    const [a, b] = this.hosts;
    return Math.min(this.path.deadline, a.deadline, b.deadline);
  }

  close(): void {
    for (const host of this.hosts) host.close();
  }
}

/** Runs several networks at the same time until `isOver`. @throws {Error} it took too long */
export async function runTogether(
  networks: readonly Network[],
  isOver: () => boolean,
  limit: number,
): Promise<void> {
  const polled = new PollSet();
  for (const host of networks.flatMap(({ hosts }) => hosts)) {
    if (host instanceof KernelHost) polled.add(host.tun.fd, linux.POLLIN);
  }
  const [first] = networks;
  const end = first.now + limit;
  let pause = first.now + LONGEST_TURN_MS;
  while (!isOver()) {
    if (first.now > end) throw new Error(`the programs were not done after ${limit} ms`);
    if (first.now > pause) {
      await setImmediate();
      pause = first.now + LONGEST_TURN_MS;
    }
    let isBusy = false;
    for (const network of networks) isBusy = network.step() || isBusy;
    if (isBusy) continue;
    const wait = Math.min(...networks.map((network) => network.deadline - network.now));
    polled.wait(Math.min(LONGEST_SLEEP_MS, Math.max(0, wait)));
  }
}

/** After this time, the test runner gets a turn. */
const LONGEST_TURN_MS = 200;
/** Sleeps are short, because a socket of the kernel may change without a packet. */
const LONGEST_SLEEP_MS = 10;
/** Longer than a sleep. If a step took longer, the machine has stopped meanwhile. */
const LONGEST_STEP_MS = 30;
