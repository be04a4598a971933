/**
 * Makes records for tests. Records with different numbers have different names, addresses, keys and
 * prefixes.
 *
 * @module
 */
import { parseCidr, parsePublicKey, type PublicKey } from '@litz/core';
import type { NodeRecord } from '../src/record/node-record.ts';

/** How often each property is tested. `FC_NUM_RUNS` overrides this number. */
export const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 200);

/** Returns the record of node `n7` for 7, with an address, a key and a prefix of its own. */
export function recordOf(number: number, change: Partial<NodeRecord> = {}): NodeRecord {
  return {
    name: `n${number}`,
    addresses: [`192.0.2.${number}`],
    port: 51871,
    keys: [{ publicKey: keyOf(number), generation: 1, createdAt: 1_760_000_000_000 }],
    prefixes: [parseCidr(`10.244.${number}.0/24`)],
    encryptsNode: false,
    sendsPlaintext: false,
    revoked: false,
    ...change,
  };
}

/** Returns a public key. Each number gives another key. */
export function keyOf(number: number): PublicKey {
  const bytes = new Uint8Array(32).fill(0x21);
  bytes[0] = number & 0xff;
  bytes[1] = number >> 8;
  return parsePublicKey(bytes);
}

/** Converts a value to JSON and back, for a comparison. Keys and prefixes become texts. */
export function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
