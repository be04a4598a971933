import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AllowedIp } from '../../src/configuration.ts';
import { AllowedIps } from '../../src/routing/allowed-ips.ts';
import { runSteps } from '../../src/steps.ts';
import { bitsOf, SlowAllowedIps } from './slow-allowed-ips.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);

describe('AllowedIps', () => {
  it('finds no value in an empty table', () => {
    const table = new AllowedIps<string>();
    expect(find(table, [10, 0, 0, 1])).toBeUndefined();
    expect(table.entries('a')).toEqual([]);
  });

  it('chooses the longest prefix', () => {
    const table = new AllowedIps<string>();
    insert(table, [0, 0, 0, 0], 0, 'default');
    insert(table, [10, 0, 0, 0], 8, 'a');
    insert(table, [10, 1, 0, 0], 16, 'b');
    insert(table, [10, 1, 2, 3], 32, 'c');
    expect(find(table, [10, 1, 2, 3])).toBe('c');
    expect(find(table, [10, 1, 2, 4])).toBe('b');
    expect(find(table, [10, 2, 0, 0])).toBe('a');
    expect(find(table, [11, 0, 0, 0])).toBe('default');
  });

  it('refuses more values than its limit, and accepts a new value after another value was removed', () => {
    const table = new AllowedIps<string>(2);
    insert(table, [10, 0, 0, 0], 8, 'a');
    insert(table, [11, 0, 0, 0], 8, 'b');
    const refusal = new RangeError('"value" expected at most 2 different values in the table');
    expect(() => insert(table, [12, 0, 0, 0], 8, 'c')).toThrow(refusal);
    expect(() => insert(table, [10, 0, 0, 0], 8, 'c')).toThrow(refusal);
    expect([find(table, [10, 0, 0, 1]), find(table, [12, 0, 0, 1])]).toEqual(['a', undefined]);
    expect(table.entries('c')).toEqual([]);
    insert(table, [12, 0, 0, 0], 8, 'b');
    table.removeAll('a');
    insert(table, [10, 0, 0, 0], 8, 'c');
    expect(find(table, [10, 0, 0, 1])).toBe('c');
  });

  it('keeps the address families separate', () => {
    const table = new AllowedIps<string>();
    insert(table, Array(16).fill(0), 0, 'six');
    expect(find(table, [10, 0, 0, 1])).toBeUndefined();
    insert(table, [0, 0, 0, 0], 0, 'four');
    expect(find(table, [10, 0, 0, 1])).toBe('four');
    expect(find(table, Array(16).fill(9))).toBe('six');
  });

  it('masks host bits', () => {
    const table = new AllowedIps<string>();
    insert(table, [10, 1, 2, 3], 20, 'a');
    expect(entriesOf(table, 'a')).toEqual([`4/${bitsOf(bytes([10, 1, 0, 0])).slice(0, 20)}`]);
    expect(table.entries('a')[0]).toEqual({ address: bytes([10, 1, 0, 0]), prefixLength: 20 });
  });

  it('copies arguments and results', () => {
    const table = new AllowedIps<string>();
    const address = bytes([10, 0, 0, 1]);
    table.insert(address, 32, 'a');
    address.fill(0);
    table.entries('a')[0].address.fill(0);
    expect(find(table, [10, 0, 0, 1])).toBe('a');
  });

  it('moves a prefix to another value', () => {
    const table = new AllowedIps<string>();
    insert(table, [10, 0, 0, 0], 24, 'a');
    insert(table, [10, 0, 0, 0], 24, 'b');
    expect(find(table, [10, 0, 0, 9])).toBe('b');
    expect(table.entries('a')).toEqual([]);
    expect(table.entries('b')).toHaveLength(1);
  });

  it('removes a single prefix and keeps the other prefixes', () => {
    const table = new AllowedIps<string>();
    insert(table, [10, 0, 0, 0], 8, 'a');
    insert(table, [10, 0, 0, 0], 16, 'a');
    table.remove(bytes([10, 0, 0, 0]), 16, 'a');
    expect(find(table, [10, 0, 0, 1])).toBe('a');
    expect(table.entries('a')).toHaveLength(1);
  });

  it('does not remove a prefix that belongs to another value or does not exist', () => {
    const table = new AllowedIps<string>();
    insert(table, [10, 0, 0, 0], 8, 'a');
    insert(table, [11, 0, 0, 0], 8, 'b');
    table.remove(bytes([10, 0, 0, 0]), 8, 'b');
    table.remove(bytes([10, 0, 0, 0]), 7, 'a');
    table.remove(bytes([10, 0, 0, 0]), 9, 'a');
    table.remove(bytes([10, 0, 0, 0]), 8, 'nobody');
    expect(find(table, [10, 0, 0, 1])).toBe('a');
  });

  it('removes all prefixes of a value', () => {
    const table = new AllowedIps<string>();
    insert(table, [10, 0, 0, 0], 8, 'a');
    insert(table, [10, 1, 0, 0], 16, 'b');
    insert(table, Array(16).fill(1), 128, 'a');
    table.removeAll('a');
    table.removeAll('a');
    expect(find(table, [10, 0, 0, 1])).toBeUndefined();
    expect(find(table, Array(16).fill(1))).toBeUndefined();
    expect(find(table, [10, 1, 0, 1])).toBe('b');
  });

  it('reads the address at the given offset', () => {
    const table = new AllowedIps<string>();
    insert(table, [10, 0, 0, 0], 24, 'a');
    expect(table.lookup(bytes([9, 9, 9, 10, 0, 0, 77, 9]), 3, 4)).toBe('a');
  });

  it('refuses addresses and prefix lengths that do not fit', () => {
    const table = new AllowedIps<string>();
    expect(() => insert(table, [10, 0, 0], 8, 'a')).toThrow(TypeError);
    for (const length of [33, -1, 1.5, Number.NaN]) {
      expect(() => insert(table, [10, 0, 0, 0], length, 'a')).toThrow(RangeError);
      expect(() => table.remove(bytes([10, 0, 0, 0]), length, 'a')).toThrow(RangeError);
    }
    expect(() => insert(table, Array(16).fill(0), 129, 'a')).toThrow(/"prefixLength" expected 0/);
  });

  it('replaces prefixes in steps; at every moment, it finds the prefixes that stay', () => {
    const table = new AllowedIps<string>();
    for (const last of [1, 2, 3]) insert(table, [10, 0, 0, last], 32, 'a');
    insert(table, [10, 0, 0, 9], 32, 'b');
    const found: (string | undefined)[][] = [];
    for (const _ of table.replaceInSteps('a', prefixes([9, 3, 2]))) {
      found.push([1, 2, 3, 9].map((last) => find(table, [10, 0, 0, last])));
    }
    // Three steps for the new prefixes, and one step for the old prefix.
    expect(found).toEqual([
      ['a', 'a', 'a', 'a'],
      ['a', 'a', 'a', 'a'],
      ['a', 'a', 'a', 'a'],
      [undefined, 'a', 'a', 'a'],
    ]);
    expect(table.entries('a').map(({ address: [, , , last] }) => last)).toEqual([9, 3, 2]);
    expect(table.entries('b')).toEqual([]);
  });

  it('removes prefixes in steps, the oldest first', () => {
    const table = new AllowedIps<string>();
    for (const last of [1, 2]) insert(table, [10, 0, 0, last], 32, 'a');
    const steps = table.removeAllInSteps('a');
    steps.next();
    expect([1, 2].map((last) => find(table, [10, 0, 0, last]))).toEqual([undefined, 'a']);
    expect(steps.next().done).toBe(false);
    expect(steps.next().done).toBe(true);
    expect(table.removeAllInSteps('a').next().done).toBe(true);
  });

  it('needs space for one more value during a replacement, and changes nothing if there is no space', () => {
    const table = new AllowedIps<string>(2);
    insert(table, [10, 0, 0, 1], 32, 'a');
    for (let i = 0; i < 10; i++) runSteps(table.replaceInSteps('a', prefixes([i])));
    runSteps(table.replaceInSteps('a', []));
    insert(table, [10, 0, 0, 1], 32, 'a');
    insert(table, [10, 0, 0, 2], 32, 'b');
    expect(() => runSteps(table.replaceInSteps('a', prefixes([3])))).toThrow(RangeError);
    expect([1, 2, 3].map((last) => find(table, [10, 0, 0, last]))).toEqual(['a', 'b', undefined]);
    insert(table, [10, 0, 0, 4], 32, 'a');
    expect(table.entries('a')).toHaveLength(2);
  });

  it('agrees with SlowAllowedIps after any changes', () => {
    fc.assert(
      fc.property(
        fc.array(change(), { maxLength: 60, size: 'max' }),
        fc.array(address()),
        (changes, probes) => {
          const fast = new AllowedIps<string>();
          const slow = new SlowAllowedIps<string>();
          for (const step of changes) {
            apply(fast, step);
            apply(slow, step);
          }
          for (const probe of [...probes, ...changes.map((step) => step.address)]) {
            expect(fast.lookup(probe, 0, probe.length as 4 | 16)).toBe(slow.lookup(probe));
          }
          for (const name of NAMES) expect(entriesOf(fast, name)).toEqual(slow.entries(name));
        },
      ),
      { numRuns: RUNS },
    );
  });
});

const NAMES = ['a', 'b', 'c'];

type Change = {
  action: 'insert' | 'remove' | 'removeAll' | 'replace';
  address: Uint8Array;
  prefixLength: number;
  name: string;
  /** The new prefixes of `replace`. */
  prefixes: AllowedIp[];
};

/** Addresses with few different bytes, so that prefixes overlap. */
function address(): fc.Arbitrary<Uint8Array> {
  const byte = fc.constantFrom(0, 1, 10, 128, 255);
  return fc
    .constantFrom(4, 16)
    .chain((length) => fc.array(byte, { minLength: length, maxLength: length }))
    .map((values) => bytes(values));
}

function change(): fc.Arbitrary<Change> {
  return fc.record({
    action: fc.constantFrom(
      'insert',
      'insert',
      'insert',
      'insert',
      'remove',
      'remove',
      'removeAll',
      'replace',
    ),
    address: address(),
    prefixLength: fc.nat(128),
    name: fc.constantFrom(...NAMES),
    prefixes: fc.array(prefix(), { maxLength: 6 }),
  });
}

function prefix(): fc.Arbitrary<AllowedIp> {
  return fc
    .record({
      address: address(),
      length: fc.nat(128),
      remove: fc.constantFrom(false, false, true),
    })
    .map(({ address: bits, length, remove }) => {
      return { address: bits, prefixLength: length % (bits.length * 8 + 1), remove };
    });
}

function apply(table: AllowedIps<string> | SlowAllowedIps<string>, step: Change): void {
  const length = step.prefixLength % (step.address.length * 8 + 1);
  if (step.action === 'insert') table.insert(step.address, length, step.name);
  else if (step.action === 'remove') table.remove(step.address, length, step.name);
  else if (step.action === 'removeAll') table.removeAll(step.name);
  else if (table instanceof AllowedIps) runSteps(table.replaceInSteps(step.name, step.prefixes));
  else table.replace(step.name, step.prefixes);
}

/** Prefixes of single addresses, 10.0.0.LAST. */
function prefixes(lasts: number[]): AllowedIp[] {
  return lasts.map((last) => ({ address: bytes([10, 0, 0, last]), prefixLength: 32 }));
}

function entriesOf(table: AllowedIps<string>, name: string): string[] {
  return table
    .entries(name)
    .map((e) => `${e.address.length}/${bitsOf(e.address).slice(0, e.prefixLength)}`);
}

function bytes(values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function insert(table: AllowedIps<string>, address: number[], length: number, name: string): void {
  table.insert(bytes(address), length, name);
}

function find(table: AllowedIps<string>, address: number[]): string | undefined {
  return table.lookup(bytes(address), 0, address.length as 4 | 16);
}
