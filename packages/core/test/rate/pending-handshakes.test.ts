import { describe, expect, it } from 'vitest';
import { PendingHandshakes } from '../../src/rate/pending-handshakes.ts';

describe('PendingHandshakes', () => {
  it('starts empty, and takes a message with a mac2 first', () => {
    const pending = new PendingHandshakes();
    expect(pending).toMatchObject({ due: Infinity, mac2First: true, lastSequence: 0 });
    expect([pending.queue.size, pending.queue.lastSequence]).toEqual([0, 0]);
  });

  it('allows 3 ms of screening at once, then a tenth of the time', () => {
    const { screening } = new PendingHandshakes();
    screening.spend(3, 1000);
    expect(screening.freeAt).toBeCloseTo(1000, 6);
    screening.spend(1, 1000);
    expect(screening.freeAt).toBeCloseTo(1010, 6);
  });

  it('allows 1 ms of handshakes at once, then two fifths of the time', () => {
    const { answering } = new PendingHandshakes();
    answering.spend(1, 1000);
    expect(answering.freeAt).toBeCloseTo(1000, 6);
    answering.spend(1, 1000);
    expect(answering.freeAt).toBeCloseTo(1002.5, 6);
  });
});
