/**
 * `createChacha20`: chooses the interface to OpenSSL's ChaCha20 with the lowest cost per message.
 *
 * @module
 */
import type { Chacha20 } from './chacha20.ts';
import { chacha20InContexts } from './chacha20-in-contexts.ts';
import { chacha20InMemory } from './chacha20-in-memory.ts';
import type { LibCrypto } from './libcrypto.ts';

/**
 * Returns `chacha20InMemory` if this OpenSSL supports it, else `chacha20InContexts`. All objects of
 * OpenSSL that it makes belong to the owner of `crypto`, except keys, which `destroyKey` frees.
 *
 * @throws {Error} this OpenSSL has no ChaCha20
 */
export function createChacha20(crypto: LibCrypto): Chacha20 {
  return chacha20InMemory(crypto) ?? chacha20InContexts(crypto);
}
