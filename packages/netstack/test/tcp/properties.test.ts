import { seededRandom, shortOrLong, type PathOptions } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import type { TcpOptions, TcpSocket } from '../../src/index.ts';
import { record } from '../results.ts';
import { SimulatedPath } from './simulated-path.ts';

const SEEDS = shortOrLong(60, 5000);

/** What a program at one end does. */
interface Plan {
  bytes: number;
  /** The largest number of bytes in one call. */
  writeSize: number;
  readSize: number;
  /** Ms between two reads. */
  pause: number;
  ending: 'shutdown' | 'close' | 'abort';
}

describe('two stacks, whatever the path and the programs do', () => {
  test('deliver every byte once and in order, or report an error', { timeout: 3_600_000 }, () => {
    const totals = { seeds: 0, protocolHours: 0, bytes: 0, failed: 0, packets: 0, lost: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = run(seed);
      totals.seeds++;
      totals.protocolHours += result.elapsed / 3_600_000;
      totals.bytes += result.bytes;
      totals.failed += result.isFailed ? 1 : 0;
      totals.packets += result.sent;
      totals.lost += result.lost;
    }
    expect(totals.bytes).toBeGreaterThan(0);
    record('properties', 'random paths and programs', {
      ...totals,
      protocolHours: Math.round(totals.protocolHours * 10) / 10,
    });
  });
});

interface Result {
  elapsed: number;
  bytes: number;
  isFailed: boolean;
  sent: number;
  lost: number;
}

function run(seed: number): Result {
  const random = seededRandom(seed * 7919);
  const pathOptions = randomPath(random);
  const path = new SimulatedPath({
    ...pathOptions,
    seed,
    device: pick(random, ['plain', 'offload', 'mixed']),
    stack: {
      mtu: pick(random, [1280, 1420, 1500, 9000]),
      memory: pick(random, [2 ** 18, 2 ** 26]),
    },
  });
  const options = (): TcpOptions => ({
    noDelay: random() < 0.5,
    ecn: random() < 0.5,
    congestionControl: pick(random, ['cubic', 'new-reno']),
    sendBuffer: pick(random, [4096, 20_000, 2 ** 22]),
    receiveBuffer: pick(random, [4096, 20_000, 2 ** 22]),
    keepAlive: pick(random, [0, 0, 10_000]),
  });
  const listener = path.b.listenTcp({ port: 80, ...options() });
  const version = pick(random, ['10.0.0.2', 'fd00::2']);
  const near = new Program(path.a.connectTcp(version, 80, options()), randomPlan(random), 1);
  let far: Program | undefined;
  const started = path.now;
  const limit = started + 4 * 3_600_000;
  for (;;) {
    const socket = far ? undefined : listener.accept();
    if (socket) far = new Program(socket, randomPlan(random), 2);
    const wake = Math.min(near.step(path.now), far?.step(path.now) ?? Infinity);
    // From time to time, the path loses everything for a while or until the end.
    if (random() < 0.0005)
      path.options = random() < 0.5 ? { ...pathOptions, loss: 1 } : pathOptions;
    if (near.isOver && (far?.isOver ?? true)) break;
    if (path.now > limit) throw new Error(`seed ${seed}: not over after four hours`);
    const isAnything = path.step(Math.min(limit, wake));
    if (isAnything) continue;
    if (wake === Infinity) {
      if (path.now < limit && isStuck(near, far)) {
        throw new Error(
          `seed ${seed}: work is left, but no timer runs: ${describeEnds(near, far)}`,
        );
      }
      break;
    }
    path.now = Math.max(path.now, wake);
  }
  path.options = pathOptions;
  checkBytes(seed, near, far);
  near.socket.close();
  far?.socket.close();
  listener.close();
  path.drive(3 * 3_600_000);
  expect({
    seed,
    timeouts: [path.a.pollTimeout(), path.b.pollTimeout()],
    memory: [path.a.memoryInUse, path.b.memoryInUse],
    states: [near.socket.state, far?.socket.state ?? 'closed'],
  }).toEqual({
    seed,
    timeouts: [Infinity, Infinity],
    memory: [0, 0],
    states: ['closed', 'closed'],
  });
  return {
    elapsed: path.now - started,
    bytes: near.received + (far?.received ?? 0),
    isFailed: near.socket.error !== undefined || far?.socket.error !== undefined,
    sent: path.sent,
    lost: path.lost,
  };
}

/** The program at one end: writes and reads by its plan. Each byte depends on its position. */
class Program {
  readonly socket: TcpSocket;
  readonly plan: Plan;
  written = 0;
  received = 0;
  hasEnded = false;
  #readAt = 0;
  readonly #seed: number;
  readonly #buffer = new Uint8Array(65_536);

  constructor(socket: TcpSocket, plan: Plan, seed: number) {
    this.socket = socket;
    this.plan = plan;
    this.#seed = seed;
  }

  get isOver(): boolean {
    if (this.socket.error) return true;
    return this.hasEnded && this.socket.isEnded && this.socket.unacknowledged === 0;
  }

  /**
   * Writes and reads. Returns the time of the next read; Infinity: not before something has
   * changed.
   */
  step(now: number): number {
    this.#write();
    if (now < this.#readAt) return this.#readAt;
    const count = this.socket.receive(this.#buffer, 0, this.plan.readSize);
    for (let i = 0; i < count; i++) {
      // The other end has the other seed.
      if (this.#buffer[i] !== byteAt(this.received + i, 3 - this.#seed)) {
        expect.fail(`a wrong byte at ${this.received + i}`);
      }
    }
    this.received += count;
    if (count === 0) return Infinity;
    this.#readAt = now + this.plan.pause;
    return this.#readAt;
  }

  #write(): void {
    const { socket, plan } = this;
    if (this.hasEnded || socket.error) return;
    while (this.written < plan.bytes && socket.writable > 0) {
      const length = Math.min(plan.writeSize, plan.bytes - this.written);
      for (let i = 0; i < length; i++) this.#buffer[i] = byteAt(this.written + i, this.#seed);
      const count = socket.send(this.#buffer, 0, length);
      this.written += count;
      // The memory of the stack may be full.
      if (count === 0) return;
    }
    if (this.written < plan.bytes) return;
    if (plan.ending === 'abort') {
      if (!socket.isConnected) return;
      socket.abort();
    } else if (plan.ending === 'close' && socket.isEnded) socket.close();
    else socket.shutdown();
    this.hasEnded = true;
  }

  describe(): string {
    const { socket, plan, written, received, hasEnded } = this;
    const { state, readable, writable, unacknowledged, isEnded } = socket;
    return JSON.stringify({
      plan,
      written,
      received,
      hasEnded,
      state,
      readable,
      writable,
      unacknowledged,
      isEnded,
    });
  }
}

function describeEnds(near: Program, far: Program | undefined): string {
  return `${near.describe()} | ${far?.describe()}`;
}

/** Whether something is left to do, although nothing is on the way and no timer runs. */
function isStuck(near: Program, far: Program | undefined): boolean {
  if (!far) return near.socket.error === undefined;
  return [near, far].some(({ socket }) => !socket.error && socket.unacknowledged > 0);
}

/**
 * Checks that no more bytes were received than sent, and all of them if there is no error. Their
 * values are compared in `Program.step`.
 */
function checkBytes(seed: number, near: Program, far: Program | undefined): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ]) {
    const sent = from?.written ?? 0;
    const received = to?.received ?? 0;
    if (received > sent) expect.fail(`seed ${seed}: ${received} of ${sent} bytes came`);
    const isFailed = near.socket.error !== undefined || far?.socket.error !== undefined;
    if (!isFailed && received !== sent) {
      expect.fail(`seed ${seed}: ${received} of ${sent} bytes came: ${describeEnds(near, far)}`);
    }
  }
}

function randomPath(random: () => number): PathOptions {
  const often = (share: number, value: number): number => (random() < share ? value : 0);
  return {
    latency: pick(random, [0.1, 5, 40, 300]),
    loss: often(0.7, random() ** 2 * 0.3),
    jitter: often(0.4, random() * 60),
    reordering: often(0.3, random() * 0.2),
    duplicates: often(0.3, random() * 0.1),
    corruption: often(0.3, random() * 0.05),
    marks: often(0.3, random() * 0.1),
    ...(random() < 0.3 ? { rate: 20 + random() * 2000, queue: 5000 + random() * 60_000 } : {}),
    ...(random() < 0.1 ? { blackHole: 1300 } : {}),
  };
}

function randomPlan(random: () => number): Plan {
  return {
    bytes: Math.floor(random() ** 3 * 200_000),
    writeSize: 1 + Math.floor(random() ** 2 * 65_000),
    readSize: 200 + Math.floor(random() ** 2 * 65_000),
    pause: random() < 0.7 ? 0 : random() * 500,
    ending: pick(random, ['shutdown', 'shutdown', 'shutdown', 'close', 'abort']),
  };
}

function pick<T>(random: () => number, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)];
}

function byteAt(position: number, seed: number): number {
  return (Math.imul(position + seed * 1000, 0x9e3779b1) >>> 24) & 0xff;
}
