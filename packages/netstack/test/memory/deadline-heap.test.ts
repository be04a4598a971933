import { seededRandom } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { DeadlineHeap } from '../../src/memory/deadline-heap.ts';

describe('DeadlineHeap', () => {
  test.each([1, 2, 3])('always knows the first deadline exactly (seed %i)', (seed) => {
    const random = seededRandom(seed);
    const heap = new DeadlineHeap<Owner>();
    const owners = Array.from({ length: 40 }, () => new Owner());
    let isRight = true;
    for (let step = 0; step < 5000; step++) {
      const owner = owners[Math.floor(random() * owners.length)];
      const kind = random();
      if (kind < 0.1) {
        owner.deadline = Infinity;
        heap.remove(owner);
      } else {
        owner.deadline = kind < 0.25 ? Infinity : Math.floor(random() * 1000);
        heap.update(owner);
      }
      const first = Math.min(...owners.map(({ deadline }) => deadline));
      isRight &&= (heap.first()?.deadline ?? Infinity) === first;
    }
    expect(isRight).toBe(true);
  });
});

class Owner {
  deadline = Infinity;
  heapIndex = -1;
  heapKey = 0;

  writeDeadline(out: Float64Array): void {
    out[0] = this.deadline;
  }
}
