import { describe, expect, it } from 'vitest';
import { Endpoint } from '../../src/index.ts';
import {
  HandshakeQueue,
  LANE,
  type Lane,
  type WaitingMessage,
} from '../../src/rate/handshake-queue.ts';

const SOURCE = new Endpoint(Uint8Array.of(192, 0, 2, 1), 5);

describe('HandshakeQueue', () => {
  it('returns copies in order, lane by lane', () => {
    const queue = new HandshakeQueue();
    const buffer = new Uint8Array(300);
    for (let i = 0; i < 100; i++) {
      buffer.fill(i, 10, 10 + 148);
      const length = i % 2 === 0 ? 148 : 92;
      const lane = i % 4 === 0 ? LANE.FRESH_MAC2 : LANE.FRESH;
      expect(queue.push(lane, buffer, 10, length, SOURCE, 1000 + i)).toBe(true);
      if (i % 3 === 0) queue.release(queue.shift(LANE.FRESH_MAC2) ?? missing());
      if (i % 3 === 0) queue.push(LANE.FRESH_MAC2, buffer, 10, length, SOURCE, 1000 + i);
    }
    buffer.fill(0xff);
    let last = -1;
    for (let w = queue.shift(LANE.FRESH); w && last < 100; w = queue.shift(LANE.FRESH)) {
      const i = w.since - 1000;
      expect(i).toBeGreaterThan(last);
      expect(w.message).toEqual(new Uint8Array(i % 2 === 0 ? 148 : 92).fill(i));
      expect(w.source).toBe(SOURCE);
      last = i;
    }
    expect(last).toBe(99);
    expect(queue.size).toBe(queue.sizeOf(LANE.FRESH_MAC2));
    queue.clear();
    expect([queue.size, queue.sizeOf(LANE.FRESH_MAC2)]).toEqual([0, 0]);
    expect(queue.shift(LANE.FRESH_MAC2)).toBeUndefined();
  });

  it('counts correctly after shift was called on an empty lane', () => {
    const queue = new HandshakeQueue();
    for (let i = 0; i < 3; i++) expect(queue.shift(LANE.FRESH)).toBeUndefined();
    expect([queue.size, queue.sizeOf(LANE.FRESH)]).toEqual([0, 0]);
    push(queue, 7);
    expect([queue.size, queue.sizeOf(LANE.FRESH)]).toEqual([1, 1]);
    expect(queue.shift(LANE.FRESH)?.since).toBe(7);
  });

  it('numbers the messages of all lanes', () => {
    const queue = new HandshakeQueue();
    expect(queue.lastSequence).toBe(0);
    push(queue, 0);
    push(queue, 0, LANE.REPEATED);
    push(queue, 0);
    expect(queue.lastSequence).toBe(3);
    const numbers = [LANE.FRESH, LANE.FRESH, LANE.REPEATED].map((lane) => queue.shift(lane));
    expect(numbers.map((waiting) => waiting?.sequence)).toEqual([1, 3, 2]);
  });

  it('reuses the memory of 64 messages, and keeps no more than that', () => {
    const queue = new HandshakeQueue();
    const take = (): unknown[] => {
      for (let i = 0; i < 70; i++) push(queue, i);
      return Array.from({ length: 70 }, () => queue.shift(LANE.FRESH) ?? missing());
    };
    const first = take();
    for (const waiting of first) queue.release(waiting as WaitingMessage);
    expect(take().filter((waiting) => first.includes(waiting))).toHaveLength(64);
  });

  it('limits each lane, with a lower limit for repeated messages', () => {
    const queue = new HandshakeQueue();
    const fill = (lane: 0 | 1 | 2 | 3): number => {
      let count = 0;
      while (count < 10_000 && queue.push(lane, new Uint8Array(148), 0, 148, SOURCE, 0)) count++;
      return count;
    };
    expect(fill(LANE.REPEATED)).toBe(512);
    expect(fill(LANE.FRESH)).toBe(4096);
    expect(fill(LANE.REPEATED_MAC2)).toBe(512);
    expect(fill(LANE.FRESH_MAC2)).toBe(4096);
    queue.shift(LANE.REPEATED);
    expect(fill(LANE.FRESH)).toBe(0);
    expect(fill(LANE.REPEATED)).toBe(1);
  });
});

function push(queue: HandshakeQueue, now: number, lane: Lane = LANE.FRESH): void {
  queue.push(lane, new Uint8Array(148), 0, 148, SOURCE, now);
}

function missing(): never {
  throw new Error('nothing waits');
}
