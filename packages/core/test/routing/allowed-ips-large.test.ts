/**
 * Compares `AllowedIps` with `SlowAllowedIps`, with so many prefixes that `AllowedIps` uses a table
 * of slots to find the node at which a lookup starts. Prefixes of one range are added, in some
 * tests also prefixes of another range, and at the end all prefixes are removed.
 *
 * @module
 */
import { seededRandomBytes } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { AllowedIps } from '../../src/routing/allowed-ips.ts';
import { SlowAllowedIps } from './slow-allowed-ips.ts';

/** How many prefixes are inserted; more than 256, so that there is a table of slots. */
const PREFIXES = Number(process.env['LITZ_TEST_PREFIXES'] ?? 1400);

describe('AllowedIps with many prefixes', () => {
  it.each([
    ['IPv4 prefixes anywhere', 4, [anywhere(4)]],
    ['IPv6 prefixes anywhere', 16, [anywhere(16)]],
    ['IPv4 peers of one range', 4, [below(4, [10])]],
    ['IPv4 peers of one /24', 4, [below(4, [192, 0, 2])]],
    ['IPv6 prefixes of the Internet', 16, [internet()]],
    ['IPv6 networks of one provider', 16, [below(16, [0x20, 1, 0xd, 0xb8])]],
    ['IPv6 peers of one /112', 16, [below(16, [0xfd, ...Array<number>(13).fill(7)])]],
    ['IPv4 peers who move to another range', 4, [below(4, [10]), below(4, [172, 16])]],
    [
      'IPv6 peers who move to another range',
      16,
      [below(16, [0xfd, 0, 0, 0, 0, 1]), below(16, [0xfd, 9])],
    ],
    ['IPv4 peers of many ranges, then of one', 4, [anywhere(4), below(4, [100, 64])]],
  ] as const)(
    'agrees with SlowAllowedIps until both are empty again: %s',
    { timeout: 60_000 },
    (_, byteLength, phases) => {
      const twins = new Twins(byteLength);
      for (const draw of phases) twins.grow(draw, PREFIXES);
      twins.shrink();
      expect(twins.disagreements).toEqual([]);
    },
  );

  it('finds prefixes that are shorter than, as long as and longer than the range of most prefixes', () => {
    const table = new AllowedIps<string>();
    for (let i = 0; i < 1000; i++) table.insert(Uint8Array.of(10, 1, i >> 8, i), 32, 'many');
    for (const length of [0, 6, 16, 20, 28]) {
      table.insert(Uint8Array.of(10, 1, 128, 7), length, `${length}`);
    }
    const find = (...address: number[]): string | undefined =>
      table.lookup(Uint8Array.from(address), 0, 4);
    expect(find(10, 1, 3, 7)).toBe('many');
    expect(find(10, 1, 128, 7)).toBe('28');
    expect(find(10, 1, 128, 77)).toBe('20');
    expect(find(10, 1, 255, 7)).toBe('16');
    expect(find(10, 2, 0, 7)).toBe('6');
    expect(find(99, 2, 0, 7)).toBe('0');
    for (const length of [16, 0, 28, 6, 20]) table.removeAll(`${length}`);
    expect(find(10, 1, 3, 7)).toBe('many');
    for (const third of [128, 255]) expect(find(10, 1, third, 7)).toBeUndefined();
    expect(find(99, 2, 0, 7)).toBeUndefined();
  });
});

type Random = (below: number) => number;

interface Prefix {
  address: Uint8Array;
  length: number;
}

/** An `AllowedIps` and a `SlowAllowedIps`. Every change is made to both tables. */
class Twins {
  readonly #fast = new AllowedIps<string>();
  readonly #slow = new SlowAllowedIps<string>();
  readonly #byteLength: 4 | 16;
  readonly #random: Random = randomNumbers(1);
  readonly #known: Prefix[] = [];
  /** Addresses for which the two tables found different owners. */
  readonly disagreements: string[] = [];

  constructor(byteLength: 4 | 16) {
    this.#byteLength = byteLength;
  }

  /** Inserts `count` prefixes. After every third insertion, removes one prefix. */
  grow(draw: (random: Random) => Prefix, count: number): void {
    for (let i = 0; i < count; i++) {
      const { address, length } = draw(this.#random);
      const name = `${this.#random(OWNERS)}`;
      this.#fast.insert(address, length, name);
      this.#slow.insert(address, length, name);
      this.#known.push({ address, length });
      if (i % 3 === 2) this.#removeOne();
      if (i % 40 === 39) this.#compare();
    }
    this.#compare();
  }

  shrink(): void {
    for (let owner = 0; owner < OWNERS; owner++) {
      this.#fast.removeAll(`${owner}`);
      this.#slow.removeAll(`${owner}`);
      this.#compare();
    }
    for (const { address } of this.#known) this.#compareAt(address);
  }

  #removeOne(): void {
    const [{ address, length }] = this.#known.splice(this.#random(this.#known.length), 1);
    for (let owner = 0; owner < OWNERS; owner++) {
      this.#fast.remove(address, length, `${owner}`);
      this.#slow.remove(address, length, `${owner}`);
    }
  }

  /**
   * Looks up addresses of prefixes, addresses that differ from these in one bit, and random
   * addresses.
   */
  #compare(): void {
    for (let i = 0; i < 30; i++) {
      const known = this.#known[this.#random(this.#known.length)];
      const probe = known.address.slice();
      if (i % 3 === 1) probe[this.#random(this.#byteLength)] ^= 1 << this.#random(8);
      if (i % 3 === 2) probe.set(randomBytes(this.#random, this.#byteLength));
      this.#compareAt(probe);
    }
  }

  #compareAt(address: Uint8Array): void {
    const fast = this.#fast.lookup(address, 0, this.#byteLength);
    const slow = this.#slow.lookup(address);
    if (fast !== slow) this.disagreements.push(`${address.join('.')}: ${fast}, not ${slow}`);
  }
}

function anywhere(byteLength: 4 | 16): (random: Random) => Prefix {
  return (random) => ({
    address: randomBytes(random, byteLength),
    length: random(5) === 0 ? random(byteLength * 8 + 1) : 4 + random(21),
  });
}

/** Prefixes in 2000::/3, most of them with a length from 20 to 48. */
function internet(): (random: Random) => Prefix {
  return (random) => {
    const address = randomBytes(random, 16);
    address[0] = 0x20 | (address[0] & 0x1f);
    return { address, length: random(20) === 0 ? random(129) : 20 + random(29) };
  };
}

/**
 * Prefixes of any length, nearly all of them in a range. A few are anywhere, and a few contain the
 * range.
 */
function below(byteLength: 4 | 16, range: readonly number[]): (random: Random) => Prefix {
  const bits = byteLength * 8;
  const shortest = range.length * 8;
  return (random) => {
    const address = randomBytes(random, byteLength);
    if (random(40) === 0) return { address, length: random(bits + 1) };
    address.set(range);
    if (random(40) === 0) return { address, length: random(shortest + 1) };
    const isHost = random(2) === 0;
    return { address, length: isHost ? bits : shortest + random(bits - shortest + 1) };
  };
}

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random(256));
}

/** Returns a function that draws a whole number below its argument. */
function randomNumbers(seed: number): Random {
  const fill = seededRandomBytes(seed);
  const word = new Uint8Array(4);
  return (limit) => {
    fill(word);
    return new DataView(word.buffer).getUint32(0) % limit;
  };
}

const OWNERS = 20;
