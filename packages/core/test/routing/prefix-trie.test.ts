import { afterEach, describe, expect, it, vi } from 'vitest';
import { OwnerRings } from '../../src/routing/owner-rings.ts';
import { PrefixNodes } from '../../src/routing/prefix-nodes.ts';
import { PrefixSlots } from '../../src/routing/prefix-slots.ts';
import { PrefixTrie } from '../../src/routing/prefix-trie.ts';

afterEach(() => vi.restoreAllMocks());

describe('PrefixTrie', () => {
  it('uses a table of slots from 256 prefixes on, and drops the table when fewer than 64 prefixes are left', () => {
    const trie = new PrefixTrie(4);
    const slotOf = vi.spyOn(PrefixSlots.prototype, 'slotOf');
    const startOf = vi.spyOn(PrefixSlots.prototype, 'startOf');
    const usesSlots = () => {
      slotOf.mockClear();
      startOf.mockClear();
      expect(trie.lookup(host(1), 0)).toBe(1);
      expect(startOf.mock.calls.length).toBe(slotOf.mock.calls.length);
      return slotOf.mock.calls.length > 0;
    };
    const change = (from: number, to: number, run: (i: number) => void) => {
      for (let i = from; i < to; i++) run(i);
      return usesSlots();
    };
    const insert = (i: number) => trie.insert(host(i), 32, 1);
    const remove = (i: number) => trie.remove(host(i), 32);
    expect(change(0, 255, insert)).toBe(false);
    expect(change(255, 256, insert)).toBe(true);
    expect(change(256, 300, insert)).toBe(true);
    // The table is dropped below 64 prefixes, which is a quarter of 256.
    expect(change(64, 300, remove)).toBe(true);
    expect(change(63, 64, remove)).toBe(false);
  });

  it('makes a new table of slots only when the table must be twice as large', () => {
    const trie = new PrefixTrie(4);
    const update = vi.spyOn(PrefixSlots.prototype, 'update');
    for (let i = 0; i < 512; i++) trie.insert(host(i), 32, 1);
    // The first 256 insertions update no table, because there is none yet. An insertion that makes
    // a new table updates the old table first.
    const slots = new Set(update.mock.contexts);
    expect(slots.size).toBe(1);
    trie.insert(host(512), 32, 1);
    expect(new Set(update.mock.contexts).size).toBe(2);
  });

  it('frees the nodes of removed prefixes, and nodes that are no longer needed for a branch', () => {
    const trie = new PrefixTrie(4);
    const create = vi.spyOn(PrefixNodes.prototype, 'create');
    const release = vi.spyOn(PrefixNodes.prototype, 'release');
    const left = () => create.mock.calls.length - release.mock.calls.length;
    trie.insert(host(0), 24, 1);
    trie.insert(host(4), 32, 1);
    trie.insert(host(5), 32, 1);
    // The hosts 4 and 5 branch at a node without an owner.
    expect(left()).toBe(4);
    trie.remove(host(5), 32);
    expect(left()).toBe(2);
    trie.insert(host(5), 32, 1);
    trie.remove(host(0), 24);
    expect(left()).toBe(3);
    // Two children branch at 10.0.0.4/31, so its node stays.
    trie.insert(host(4), 31, 1);
    trie.remove(host(4), 31);
    expect(left()).toBe(3);
    trie.remove(host(4), 31);
    trie.remove(host(9), 32);
    expect(left()).toBe(3);
    expect(trie.lookup(host(5), 0)).toBe(1);
  });

  it('frees its memory when it is empty, and not before', () => {
    const trie = new PrefixTrie(4);
    const nodes = vi.spyOn(PrefixNodes.prototype, 'reset');
    const rings = vi.spyOn(OwnerRings.prototype, 'reset');
    for (let i = 0; i < 100; i++) trie.insert(host(i), 32, 1);
    for (let i = 0; i < 99; i++) trie.remove(host(i), 32);
    expect([nodes.mock.calls.length, rings.mock.calls.length]).toEqual([0, 0]);
    expect([trie.removeOldest(1), trie.removeOldest(1)]).toEqual([true, false]);
    expect([nodes.mock.calls.length, rings.mock.calls.length]).toEqual([1, 1]);
    expect(trie.ownerOf(host(99), 32)).toBe(0);
  });

  it('returns the owner of a prefix only for exactly this prefix', () => {
    const trie = new PrefixTrie(4);
    expect(trie.ownerOf(host(0), 0)).toBe(0);
    trie.insert(host(4), 30, 7);
    trie.insert(host(4), 32, 8);
    expect([0, 29, 30, 31, 32].map((length) => trie.ownerOf(host(4), length))).toEqual([
      0, 0, 7, 0, 8,
    ]);
    expect(trie.ownerOf(host(5), 32)).toBe(0);
    expect(trie.ownerOf(host(8), 30)).toBe(0);
  });
});

describe('PrefixNodes.reset', () => {
  it('forgets all nodes and shrinks to the first capacity', () => {
    const nodes = new PrefixNodes(4);
    const { capacity } = nodes;
    for (let i = 0; i < 2 * capacity; i++) {
      nodes.reserve(1);
      expect(nodes.create(host(i), 32)).toBe(i + 1);
    }
    expect(nodes.capacity).toBeGreaterThan(capacity);
    nodes.release(3);
    nodes.reset();
    expect(nodes.capacity).toBe(capacity);
    expect(nodes.create(host(0), 32)).toBe(1);
  });
});

function host(number: number): Uint8Array {
  return Uint8Array.of(10, 0, number >> 8, number);
}
