import { describe, expect, it } from 'vitest';
import { OwnerRings } from '../../src/routing/owner-rings.ts';

describe('OwnerRings', () => {
  it('keep the nodes of each owner in the order in which they were appended', () => {
    const rings = new OwnerRings();
    rings.reserve(20, 3);
    expect([rings.count, rings.firstOf(1), rings.firstOf(1e6)]).toEqual([0, 0, 0]);
    for (const node of [5, 6, 7]) rings.append(1, node);
    rings.append(3, 8);
    expect([nodesOf(rings, 1), nodesOf(rings, 2), nodesOf(rings, 3)]).toEqual([[5, 6, 7], [], [8]]);
    expect(rings.count).toBe(4);
    rings.remove(1, 6);
    expect(nodesOf(rings, 1)).toEqual([5, 7]);
    rings.remove(1, 5);
    expect(nodesOf(rings, 1)).toEqual([7]);
    rings.append(1, 5);
    expect(nodesOf(rings, 1)).toEqual([7, 5]);
    for (const node of [7, 5]) rings.remove(1, node);
    expect([nodesOf(rings, 1), rings.count]).toEqual([[], 1]);
  });

  it('have space for as many nodes and owners as were reserved', () => {
    const rings = new OwnerRings();
    for (let node = 1; node < 3000; node++) {
      rings.reserve(node + 1, node);
      rings.append(node, node);
      expect(rings.firstOf(node)).toBe(node);
      expect(rings.nextOf(node, node)).toBe(0);
    }
    expect(rings.count).toBe(2999);
    expect(nodesOf(rings, 1)).toEqual([1]);
  });

  it('forget all nodes when they are reset', () => {
    const rings = new OwnerRings();
    rings.reserve(20, 3);
    rings.append(1, 5);
    rings.remove(1, 5);
    rings.reset();
    rings.reserve(20, 3);
    rings.append(1, 9);
    expect(nodesOf(rings, 1)).toEqual([9]);
  });
});

function nodesOf(rings: OwnerRings, owner: number): number[] {
  const nodes = [];
  for (let node = rings.firstOf(owner); node !== 0; node = rings.nextOf(owner, node)) {
    nodes.push(node);
    if (nodes.length > 100) throw new Error('the ring does not end');
  }
  return nodes;
}
