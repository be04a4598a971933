/**
 * `EndpointCache`: one `Endpoint` object per source. So a datagram of a known source allocates
 * nothing, and the engine can compare endpoints by identity.
 *
 * @module
 */
import { Endpoint } from '@litz/core';
import type { Family } from './linux-abi.ts';

/**
 * A direct-mapped cache by address and port. The key is the sockaddr and PKTINFO as the kernel
 * wrote them.
 *
 * ```
 * key words   IPv4: address, port, interface, local address                       (4)
 *             IPv6: address x4, port, scope, interface, local address x4          (11)
 * ```
 */
export class EndpointCache {
  readonly #family: Family;
  readonly #wordsPerKey: number;
  readonly #keys: Uint32Array;
  readonly #endpoints: (Endpoint | undefined)[] = Array.from({ length: ENTRIES });
  readonly #key: Uint32Array;

  constructor(family: Family) {
    this.#family = family;
    this.#wordsPerKey = family === 4 ? 4 : 11;
    this.#keys = new Uint32Array(ENTRIES * this.#wordsPerKey);
    this.#key = new Uint32Array(this.#wordsPerKey);
  }

  /**
   * Returns the endpoint of a sockaddr of this family.
   *
   * @param words the memory with the sockaddr and the local address, as 32-bit words
   * @param name index of the sockaddr
   * @param source index of the local address; -1 if unknown
   * @param sourceInterface the interface that the datagram arrived on; 0 if unknown
   * @returns undefined if the port is 0
   */
  lookup(
    words: Uint32Array,
    name: number,
    source: number,
    sourceInterface: number,
  ): Endpoint | undefined {
    const portWord = words[name]! >>> 16;
    if (portWord === 0) return undefined;
    this.#fillKey(words, name, source, sourceInterface);
    const entry = this.#entryOf(portWord);
    const known = this.#endpoints[entry];
    const start = entry * this.#wordsPerKey;
    // An unknown local address and 0.0.0.0 have the same key, because no answer can be sent from
    // either.
    if (known && this.#hasKeyAt(start)) return known;
    const endpoint = this.#create(portWord, source >= 0);
    this.#keys.set(this.#key, start);
    this.#endpoints[entry] = endpoint;
    return endpoint;
  }

  #fillKey(words: Uint32Array, name: number, source: number, sourceInterface: number): void {
    const key = this.#key;
    if (this.#family === 4) {
      key[0] = words[name + 1]!;
      key[1] = words[name]!;
      key[2] = sourceInterface;
      key[3] = source < 0 ? 0 : words[source]!;
      return;
    }
    for (let i = 0; i < 4; i++) {
      key[i] = words[name + 2 + i]!;
      key[7 + i] = source < 0 ? 0 : words[source + i]!;
    }
    key[4] = words[name]!;
    key[5] = words[name + 6]!;
    key[6] = sourceInterface;
  }

  #entryOf(portWord: number): number {
    const key = this.#key;
    let hash = Math.imul(key[0]!, 0x9e3779b1) ^ portWord;
    if (this.#family === 6) {
      for (let i = 1; i < 4; i++) hash = Math.imul(hash ^ (hash >>> 15) ^ key[i]!, 0x9e3779b1);
    }
    // The last steps of MurmurHash3. Neighbouring addresses differ in the last byte, which is the
    // highest byte of the word, and must get different entries.
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & (ENTRIES - 1);
  }

  #hasKeyAt(start: number): boolean {
    for (let i = 0; i < this.#wordsPerKey; i++) {
      if (this.#keys[start + i] !== this.#key[i]) return false;
    }
    return true;
  }

  #create(portWord: number, withSource: boolean): Endpoint {
    const key = this.#key;
    const port = ((portWord & 0xff) << 8) | (portWord >>> 8);
    const four = this.#family === 4;
    const addressWords = four ? 1 : 4;
    const bytes = new Uint8Array(key.slice().buffer);
    const source = bytes.slice((four ? 3 : 7) * 4, (four ? 4 : 11) * 4);
    return new Endpoint(bytes.slice(0, addressWords * 4), port, {
      scopeId: four ? 0 : key[5]!,
      sourceInterface: key[four ? 2 : 6]!,
      ...(withSource && source.some((byte) => byte !== 0) ? { sourceAddress: source } : {}),
    });
  }
}

/**
 * Number of entries, a power of two. Each entry holds one source; two sources with the same entry
 * replace each other.
 */
const ENTRIES = 1024;
