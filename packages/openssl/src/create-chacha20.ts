/**
 * `createChacha20`: the way to OpenSSL's ChaCha20 that costs least per message.
 *
 * @module
 */
import type { Chacha20 } from './chacha20.ts';
import { chacha20InContexts } from './chacha20-in-contexts.ts';
import { chacha20InMemory } from './chacha20-in-memory.ts';
import type { LibCrypto } from './libcrypto.ts';

/**
 * The faster one of two where both are there. All that is made of OpenSSL's belongs to whoever made
 * `crypto`, but for what `destroyKey` gives back.
 *
 * @throws {Error} this OpenSSL has no ChaCha20
 */
export function createChacha20(crypto: LibCrypto): Chacha20 {
  return chacha20InMemory(crypto) ?? chacha20InContexts(crypto);
}
