import { describe, expect, it } from 'vitest';
import { RequestMemory, type RequestOwner } from '../../src/uapi/request-memory.ts';

describe('RequestMemory', () => {
  it('adds the bytes of all connections', () => {
    const memory = new RequestMemory(100);
    const [a, b] = [new Holder(memory), new Holder(memory)];
    a.hold(30);
    b.hold(60);
    expect(memory.total).toBe(90);
    a.hold(10);
    b.hold(0);
    expect(memory.total).toBe(10);
    expect([a.refused, b.refused]).toEqual([0, 0]);
  });

  it('refuses the largest request when the limit is exceeded', () => {
    const memory = new RequestMemory(100);
    const [small, large, last] = [new Holder(memory), new Holder(memory), new Holder(memory)];
    small.hold(20);
    large.hold(50);
    last.hold(30);
    expect(large.refused).toBe(0);
    last.hold(31);
    expect([small.refused, large.refused, last.refused]).toEqual([0, 1, 0]);
    expect(memory.total).toBe(51);
  });

  it('refuses incomplete requests only', () => {
    const memory = new RequestMemory(100);
    const [whole, part] = [new Holder(memory), new Holder(memory)];
    whole.hold(90, 0);
    part.hold(11);
    expect([whole.refused, part.refused]).toEqual([0, 1]);
    whole.hold(200, 0);
    expect(memory.total).toBe(200);
  });

  it('refuses as many requests as necessary', () => {
    const memory = new RequestMemory(100);
    const parts = [40, 30, 20].map((bytes) => {
      const part = new Holder(memory);
      part.hold(bytes);
      return part;
    });
    new Holder(memory).hold(75, 0);
    expect(parts.map(({ refused }) => refused)).toEqual([1, 1, 0]);
  });
});

class Holder implements RequestOwner {
  readonly #memory: RequestMemory;
  unfinishedBytes = 0;
  refused = 0;

  constructor(memory: RequestMemory) {
    this.#memory = memory;
  }

  hold(bytes: number, unfinished = bytes): void {
    this.unfinishedBytes = unfinished;
    this.#memory.setUsed(this, bytes);
  }

  refuseUnfinished(): void {
    this.refused++;
    this.hold(0);
  }
}
