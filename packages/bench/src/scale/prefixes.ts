/**
 * Measures the cryptokey routing table with random prefixes and random addresses.
 *
 * @module
 */
import { AllowedIps } from '@litz/core/internals';

export interface PrefixFigures {
  /** Time of one look-up, in ns. */
  lookupNs: number;
  /** Time of all insertions, in ms. */
  insertMs: number;
  /** The share of the look-ups whose address is in a prefix of the table, 0 to 1. */
  hits: number;
}

/**
 * Measures a table with `count` prefixes. IPv4 prefixes have 8 to 32 bits, and IPv6 prefixes 16 to
 * 128. As in real tables, most are long.
 */
export function measurePrefixes(count: number, family: 4 | 6): PrefixFigures {
  const random = xorshift(count + family);
  const length = family === 4 ? 4 : 16;
  const table = new AllowedIps<{ number: number }>();
  const peers = Array.from({ length: Math.min(count, MAX_PEERS) }, (_, number) => ({ number }));
  const prefixes = Array.from({ length: count }, () => randomPrefix(random, family));
  const start = performance.now();
  prefixes.forEach(({ address, prefixLength }, i) => {
    table.insert(address, prefixLength, peers[i % peers.length]!);
  });
  const insertMs = performance.now() - start;
  const addresses = randomAddresses(random, prefixes, length);
  const hits = lookUpAll(table, addresses, length);
  return { lookupNs: timeLookups(table, addresses, length), insertMs, hits };
}

/** Returns the time of one look-up in ns: the median of several passes over all addresses. */
function timeLookups(table: AllowedIps<unknown>, addresses: Uint8Array, length: 4 | 16): number {
  const times = Array.from({ length: PASSES }, () => {
    const start = performance.now();
    lookUpAll(table, addresses, length);
    return ((performance.now() - start) * 1e6) / ADDRESSES;
  });
  times.sort((a, b) => a - b);
  return times[PASSES >> 1] ?? 0;
}

/** Looks up all addresses. Returns the share of the addresses that are in a prefix of the table. */
function lookUpAll(table: AllowedIps<unknown>, addresses: Uint8Array, length: 4 | 16): number {
  let hits = 0;
  for (let at = 0; at < addresses.length; at += length) {
    if (table.lookup(addresses, at, length) !== undefined) hits++;
  }
  return hits / ADDRESSES;
}

/**
 * Returns the addresses to look up. Half of them are random. Few random addresses are in a prefix
 * of the table. So each address of the other half begins with the whole bytes of a prefix of the
 * table. If the prefix ends within a byte, that byte of the address is random.
 */
function randomAddresses(
  random: () => number,
  prefixes: readonly { address: Uint8Array; prefixLength: number }[],
  length: 4 | 16,
): Uint8Array {
  const addresses = new Uint8Array(ADDRESSES * length);
  for (let i = 0; i < ADDRESSES; i++) {
    const at = i * length;
    for (let j = 0; j < length; j++) addresses[at + j] = random();
    if (i % 2 === 0) continue;
    const { address, prefixLength } = prefixes[random() % prefixes.length]!;
    addresses.set(address.subarray(0, prefixLength >> 3), at);
  }
  return addresses;
}

function randomPrefix(
  random: () => number,
  family: 4 | 6,
): { address: Uint8Array; prefixLength: number } {
  const [shortest, longest] = family === 4 ? [8, 32] : [16, 128];
  const address = Uint8Array.from({ length: family === 4 ? 4 : 16 }, random);
  const span = longest - shortest + 1;
  const prefixLength = shortest + Math.max(random() % span, random() % span);
  return { address, prefixLength };
}

/** Returns a generator of 32-bit numbers that are the same in each run. */
function xorshift(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const MAX_PEERS = 100_000;
/** The number of addresses, and how often all of them are looked up. */
const ADDRESSES: number = 1 << 20;
const PASSES = 5;
