/**
 * Keys for tests. Each key repeats one byte, so that keys are easy to tell apart.
 *
 * @module
 */
import { parsePresharedKey, parsePrivateKey, parsePublicKey } from '@litz/core';
import type { PresharedKey, PrivateKey, PublicKey } from '@litz/core';

export function publicKey(fill: number): PublicKey {
  return parsePublicKey(new Uint8Array(32).fill(fill));
}

export function presharedKey(fill: number): PresharedKey {
  return parsePresharedKey(new Uint8Array(32).fill(fill));
}

/** Returns a key that is clamped (RFC 7748). */
export function privateKey(fill: number): PrivateKey {
  return parsePrivateKey(new Uint8Array(32).fill(fill));
}

/** How many inputs a property test tries. */
export const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);
