import { describe, expect, test } from 'vitest';
import { Script } from './script.ts';
import { SimulatedPath } from './simulated-path.ts';
import { Transfer } from './transfer.ts';

const SYN = '<mss 1380,sackOK>';
/**
 * Bytes of data in a packet of 1024 bytes, the length that a connection uses after a black hole.
 */
const SAFE = 984;

/** The other side of a script, on a path that loses long segments without an ICMP error. */
class Receiver {
  readonly script: Script;
  /** The most bytes of data that pass. */
  most: number;
  /** The number of data bytes in a usual segment. */
  usual = SAFE;
  #next = 1 + SAFE;
  readonly #ahead = new Map<number, number>();

  constructor(script: Script, most: number) {
    this.script = script;
    this.most = most;
  }

  /**
   * Takes the segments that are sent, and answers all of them once, 20 ms later. Returns the number
   * of bytes of data of each segment.
   *
   * @param isLost whether a segment is lost although it is not too long
   */
  round(isLost: (from: number, length: number) => boolean = () => false): number[] {
    const { script } = this;
    script.send(script.socket.writable);
    const lengths: number[] = [];
    for (const text of script.sent()) {
      const [from, to] = /(\d+):(\d+)/.exec(text)!.slice(1).map(Number) as [number, number];
      lengths.push(to - from);
      if (!isLost(from, to - from) && to - from <= this.most) this.#ahead.set(from, to);
    }
    script.advance(20);
    for (let end = this.#ahead.get(this.#next); end; end = this.#ahead.get(this.#next)) {
      this.#ahead.delete(this.#next);
      this.#next = end;
    }
    script.inject(`. 1:1 ack ${this.#next} win 60000${this.#sacks()}`);
    return lengths;
  }

  /** Runs rounds until a probe is sent. Returns what that round returns. */
  untilProbe(isLost?: (from: number, length: number) => boolean): number[] {
    for (let count = 0; count < 50; count++) {
      const lengths = this.round(isLost);
      if (lengths.some((length) => length > this.usual)) return lengths;
    }
    throw new Error('nothing was probed');
  }

  #sacks(): string {
    const ranges: [number, number][] = [];
    for (const [from, to] of [...this.#ahead].toSorted(([a], [b]) => a - b)) {
      if (from < this.#next) continue;
      const last = ranges.at(-1);
      if (last?.[1] === from) last[1] = to;
      else ranges.push([from, to]);
    }
    if (ranges.length === 0) return '';
    return ` <sack ${ranges
      .slice(0, 3)
      .map(([from, to]) => `${from}:${to}`)
      .join(' ')}>`;
  }
}

/** A connection that has found a black hole: no segment with more than `most` bytes passes. */
function inBlackHole(most: number): Receiver {
  const script = Script.connected({ syn: SYN }, 60_000);
  script.send(100_000);
  script.sent();
  script.advance(3500);
  expect(script.sent().at(-1)).toBe(`. 1:${1 + SAFE} ack 1`);
  const receiver = new Receiver(script, most);
  script.inject(`. 1:1 ack ${1 + SAFE} win 60000`);
  return receiver;
}

describe('a probe of the path (RFC 4821 7)', () => {
  test('is as long as the packets before the black hole; if it passes, this length is used', () => {
    const receiver = inBlackHole(1380);
    expect(receiver.untilProbe().filter((length) => length > SAFE)).toEqual([1380]);
    receiver.usual = 1380;
    expect(receiver.round().slice(1, 4)).toEqual([1380, 1380, 1380]);
  });

  test('is sent again in usual segments if it is lost, and that is no congestion (7.6.2)', () => {
    const receiver = inBlackHole(1260);
    let lostAt = 0;
    const before = receiver.untilProbe((from, length) => {
      if (length > SAFE) lostAt = from;
      return false;
    });
    const after = receiver.round();
    expect(after.slice(0, 2)).toEqual([SAFE, 1380 - SAFE]);
    expect(lostAt).toBeGreaterThan(0);
    expect(sum(after)).toBeGreaterThanOrEqual(sum(before) - 1380);
    const later = receiver.round();
    expect(sum(later)).toBeGreaterThanOrEqual(sum(before));
  });

  test('shows congestion if something else is lost, too (7.6.4)', () => {
    const receiver = inBlackHole(1380);
    let isProbed = false;
    const before = receiver.untilProbe((_, length) => {
      const isNext = isProbed;
      isProbed = length > SAFE;
      return isProbed || isNext;
    });
    receiver.round();
    expect(sum(receiver.round())).toBeLessThan(sum(before));
    // The same length is tried again.
    expect(Math.max(...receiver.untilProbe())).toBe(1380);
  });

  test('is not tried again at the same length if only the timer shows its loss (7.6.3)', () => {
    const receiver = inBlackHole(1380);
    let isProbed = false;
    receiver.untilProbe((_, length) => {
      isProbed ||= length > SAFE;
      return isProbed;
    });
    receiver.script.advance(1000);
    const next = receiver.untilProbe().filter((length) => length > SAFE);
    expect(next).toEqual([((1024 + 1419 + 1) >>> 1) - 40]);
  });

  test.each([4, 6] as const)('finds the length that passes, loses no byte (IPv%i)', (version) => {
    for (const device of ['plain', 'offload'] as const) {
      const path = new SimulatedPath({ seed: 5, device });
      const transfer = new Transfer(path, { up: 2_000_000, version });
      path.options = { blackHole: 1350 };
      let longest = 0;
      path.onPacket = (_, packet): void => {
        if (packet.length <= 1350) longest = Math.max(longest, packet.length);
      };
      expect(transfer.run(60_000)).toBeLessThan(20_000);
      expect(transfer.received).toBe(2_000_000);
      expect(longest).toBeGreaterThan(1342);
    }
  });
});

function sum(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total + length, 0);
}
