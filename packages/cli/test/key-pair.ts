/**
 * `keyPair`: makes a new key pair for a test.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { formatKey, generatePrivateKey, nobleProvider, publicKeyOf } from '@litz/core';

/** A key pair in base64. */
export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

export function keyPair(): KeyPair {
  const privateKey = generatePrivateKey((out) => void randomFillSync(out));
  const publicKey = publicKeyOf(privateKey, nobleProvider);
  return { privateKey: formatKey(privateKey), publicKey: formatKey(publicKey) };
}
