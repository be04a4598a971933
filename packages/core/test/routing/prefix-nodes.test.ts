import { describe, expect, it } from 'vitest';
import { MAX_OWNER, PrefixNodes } from '../../src/routing/prefix-nodes.ts';

describe('PrefixNodes', () => {
  it('stores the longest prefix length and the greatest owner without mixing their bits', () => {
    const nodes = new PrefixNodes(16);
    const node = nodes.create(new Uint8Array(16).fill(0xff), 128);
    nodes.setOwner(node, MAX_OWNER);
    expect([nodes.lengthOf(node), nodes.ownerOf(node)]).toEqual([128, MAX_OWNER]);
    nodes.setOwner(node, 0);
    expect([nodes.lengthOf(node), nodes.ownerOf(node)]).toEqual([128, 0]);
  });

  it('reuses the rows of released nodes without more memory', () => {
    const nodes = new PrefixNodes(4);
    const capacity = nodes.capacity;
    for (let round = 0; round < 100; round++) {
      nodes.reserve(2);
      const made = [nodes.create(ADDRESS, 8), nodes.create(ADDRESS, 16)];
      nodes.setChild(made[0], 1, made[1]);
      for (const node of made) nodes.release(node);
    }
    expect(nodes.capacity).toBe(capacity);
    const node = nodes.create(ADDRESS, 8);
    expect([nodes.childOf(node, 0), nodes.childOf(node, 1), nodes.ownerOf(node)]).toEqual([
      0, 0, 0,
    ]);
  });

  it('counts free rows as reserved memory', () => {
    const nodes = new PrefixNodes(4);
    const { capacity } = nodes;
    const made: number[] = [];
    for (let i = 1; i < capacity; i++) made.push(nodes.create(ADDRESS, i));
    for (const node of made) nodes.release(node);
    nodes.reserve(2);
    expect(nodes.capacity).toBe(capacity);
    nodes.reserve(capacity);
    expect(nodes.capacity).toBeGreaterThan(capacity);
  });

  it('clears the bits after the prefix', () => {
    const nodes = new PrefixNodes(16);
    const key = new Uint8Array(16);
    for (const length of [0, 1, 31, 32, 33, 63, 64, 97, 127, 128]) {
      nodes.reserve(1);
      nodes.readKey(nodes.create(new Uint8Array(16).fill(0xff), length), key);
      const bits = Array.from(key, (byte) => byte.toString(2).padStart(8, '0')).join('');
      expect(bits).toBe('1'.repeat(length).padEnd(128, '0'));
    }
  });
});

const ADDRESS = Uint8Array.of(10, 1, 2, 3);
