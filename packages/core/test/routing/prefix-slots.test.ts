import { describe, expect, it } from 'vitest';
import { wordAt } from '../../src/routing/address-bits.ts';
import { PrefixNodes } from '../../src/routing/prefix-nodes.ts';
import { PrefixSlots, slotBitsFor } from '../../src/routing/prefix-slots.ts';

describe('slotBitsFor', () => {
  it.each([
    [0, 0],
    [255, 0],
    [256, 10],
    [511, 10],
    [512, 11],
    [2 ** 19, 21],
    [2 ** 20, 22],
    [2 ** 24, 22],
  ])('chooses the size of the table for %i prefixes', (prefixes, bits) => {
    expect(slotBitsFor(prefixes)).toBe(bits);
  });
});

describe('PrefixSlots', () => {
  it('have a slot for each address in the range that contains nearly all prefixes, and no slot for other addresses', () => {
    // The prefixes are 10.1.0.0/16 and, within it, the hosts 10.1.0.0 to 10.1.1.255.
    const { slots, nodeOf } = table(4, [10, 1], 16);
    const slot = (...address: number[]) => {
      const bytes = Uint8Array.from([7, ...address]);
      return slots.slotOf(wordAt(bytes, 1), bytes, 1);
    };
    expect(slots.wantedBits).toBe(11);
    // The lowest node with nearly all prefixes is 10.1.0.0/23. Nine bits of the address are left.
    expect([slot(10, 1, 0, 0), slot(10, 1, 0, 77), slot(10, 1, 1, 255)]).toEqual([0, 77, 511]);
    for (const outside of [
      [10, 1, 2, 0],
      [10, 0, 0, 0],
      [11, 1, 0, 0],
    ]) {
      expect(slot(...outside)).toBeLessThan(0);
    }
    for (const host of [0, 77, 511]) {
      expect(slots.startOf(host)).toBe(nodeOf(host));
      // The /16 is the longest prefix above this node.
      expect(slots.ownerOf(host)).toBe(1);
    }
  });

  it('return no slot for an address that differs from a long range in one of its bytes', () => {
    const range = [0xfd, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7];
    const { slots, nodeOf } = table(16, range, 112);
    const slot = (change: (address: Uint8Array) => void) => {
      const address = Uint8Array.from([...range, 1, 5]);
      change(address);
      return slots.slotOf(wordAt(address, 0), address, 0);
    };
    expect(slot(() => {})).toBe(256 + 5);
    expect(slots.startOf(256 + 5)).toBe(nodeOf(256 + 5));
    expect(slots.ownerOf(256 + 5)).toBe(1);
    for (const byte of [0, 1, 5, 11, 12, 13]) {
      expect(slot((address) => (address[byte] ^= 1))).toBeLessThan(0);
    }
    expect(slot((address) => (address[14] ^= 2))).toBeLessThan(0);
  });
});

/** Returns slots for a prefix of owner 1 and its first 512 hosts, which belong to owner 2. */
function table(
  byteLength: 4 | 16,
  range: readonly number[],
  length: number,
): { slots: PrefixSlots; nodeOf: (host: number) => number } {
  const nodes = new PrefixNodes(byteLength);
  const create = (address: Uint8Array, prefixLength: number): number => {
    nodes.reserve(1);
    return nodes.create(address, prefixLength);
  };
  const hosts = new Map<number, number>();
  const addressOf = (host: number) => {
    const address = new Uint8Array(byteLength);
    address.set(range);
    address[byteLength - 2] = host >> 8;
    address[byteLength - 1] = host;
    return address;
  };
  const root = create(addressOf(0), length);
  nodes.setOwner(root, 1);
  /** Creates the subtree of the 2^bits hosts from `first` on. */
  const grow = (first: number, bits: number): number => {
    const node = create(addressOf(first), byteLength * 8 - bits);
    if (bits === 0) {
      nodes.setOwner(node, 2);
      hosts.set(first, node);
      return node;
    }
    nodes.setChild(node, 0, grow(first, bits - 1));
    nodes.setChild(node, 1, grow(first + 2 ** (bits - 1), bits - 1));
    return node;
  };
  nodes.setChild(root, 0, grow(0, 9));
  return {
    slots: new PrefixSlots(nodes, byteLength, root, 513),
    nodeOf: (host) => hosts.get(host)!,
  };
}
