/**
 * `tablesSuite`: measures the tables that are used for every packet: the cryptokey routing table
 * and the replay window. `bench:scale` measures large tables.
 *
 * @module
 */
import { AllowedIps, ReplayWindow } from '@litz/core/internals';
import { seededRandomBytes } from '@litz/testkit';
import { check, type Case } from './case.ts';

/** Returns the cases of both tables. */
export function tablesSuite(): Case[] {
  return [...[4, 6].map((family) => routingCase(family as 4 | 6)), windowInOrder(), windowMixed()];
}

function routingCase(family: 4 | 6): Case {
  const length = family === 4 ? 4 : 16;
  const prefixes = randomPrefixes(length);
  const table = new AllowedIps<object>();
  for (const { address, prefixLength, owner } of prefixes) {
    table.insert(address, prefixLength, owner);
  }
  const addresses = new Uint8Array(OPERATIONS * length);
  seededRandomBytes(7)(addresses);
  // About half of the addresses are those of prefixes in the table. The others are random.
  prefixes.forEach(({ address }, i) => addresses.set(address, (i * 2 + 1) * length));
  return {
    figure: `allowed-IPs look-up of ${PREFIXES} prefixes, IPv${family}`,
    subject: 'litz',
    operations: OPERATIONS,
    check: () => {
      for (let i = 0; i < OPERATIONS; i++) {
        const address = addresses.subarray(i * length, (i + 1) * length);
        check(
          'owner',
          table.lookup(addresses, i * length, length) === slowLookup(prefixes, address),
        );
      }
    },
    run: () => {
      for (let at = 0; at < addresses.length; at += length) table.lookup(addresses, at, length);
    },
  };
}

interface Prefix {
  address: Uint8Array;
  prefixLength: number;
  owner: object;
}

function randomPrefixes(length: 4 | 16): Prefix[] {
  const random = seededRandomBytes(length);
  return Array.from({ length: PREFIXES }, () => {
    const address = new Uint8Array(length);
    random(address);
    return { address, prefixLength: 8 + ((address[1] ?? 0) % (length * 8 - 7)), owner: {} };
  });
}

/**
 * Finds the owner of the longest prefix that contains the address. If a prefix was inserted twice,
 * the later owner counts.
 */
function slowLookup(prefixes: readonly Prefix[], address: Uint8Array): object | undefined {
  let best: Prefix | undefined;
  for (const prefix of prefixes) {
    const isLonger = prefix.prefixLength >= (best?.prefixLength ?? 0);
    if (isLonger && isWithin(address, prefix)) best = prefix;
  }
  return best?.owner;
}

function isWithin(address: Uint8Array, prefix: Prefix): boolean {
  for (let bit = 0; bit < prefix.prefixLength; bit++) {
    const mask = 0x80 >> (bit & 7);
    if (((address[bit >> 3] ?? 0) ^ (prefix.address[bit >> 3] ?? 0)) & mask) return false;
  }
  return true;
}

function windowInOrder(): Case {
  const window = new ReplayWindow();
  let counter = 0;
  return {
    figure: 'replay window, counters in order',
    subject: 'litz',
    operations: OPERATIONS,
    check: () => checkWindow((i) => i),
    run: () => {
      for (let i = 0; i < OPERATIONS; i++) window.accept(counter++);
    },
  };
}

/**
 * Measures counters that arrive in groups of eight, each group in reverse order, as if the packets
 * had taken several paths.
 */
function windowMixed(): Case {
  const window = new ReplayWindow();
  let counter = 0;
  return {
    figure: 'replay window, counters out of order',
    subject: 'litz',
    operations: OPERATIONS,
    check: () => checkWindow((i) => i ^ 7),
    run: () => {
      for (let i = 0; i < OPERATIONS; i++) window.accept(counter++ ^ 7);
    },
  };
}

/** Checks that each counter is accepted once and then refused as a replay. */
function checkWindow(counterOf: (i: number) => number): void {
  const window = new ReplayWindow();
  for (let i = 0; i < OPERATIONS; i++) {
    check('new counter', window.accept(counterOf(i)));
    check('replayed counter', !window.accept(counterOf(i)));
  }
}

const PREFIXES = 1000;
const OPERATIONS = 2048;
