/**
 * Tests OpenSSL with one-time keys that WebAssembly makes. A device on Linux uses both together.
 */
import { nobleProvider, type Cipher, type CryptoProvider } from '@litz/core';
import { createOpensslProvider } from '@litz/openssl';
import {
  describeCryptoProvider,
  describeWith,
  requirement,
  seededRandomBytes,
} from '@litz/testkit';
import { WasmArena, wasmProvider } from '@litz/wasm';
import { expect, it } from 'vitest';
import { hybridProvider } from '../../src/provider/hybrid-provider.ts';

const openssl = requirement("Node's own OpenSSL", () => {
  createOpensslProvider();
});

describeWith([openssl], 'one-time keys from wasm for openssl', () => {
  describeCryptoProvider('openssl with one-time keys of wasm', () => openSslAlone());
  describeCryptoProvider('openssl and wasm by turns', () =>
    hybridProvider(createOpensslProvider(), wasmProvider(), 192),
  );

  it('produce the same messages as noble, at every length up to 600 and at random lengths', () => {
    const arena = WasmArena.createSync({ length: 70_000 });
    const ours = openSslAlone(arena).createCipher(KEY);
    const buffers = [arena.allocate(66_000), new Uint8Array(66_000)];
    const lengths = [...Array.from({ length: 601 }, (_, i) => i), ...randomLengths(100)];
    for (const [i, length] of lengths.entries()) {
      expect(mistake(ours, i, buffers[i % 2], (i * 31) % 400, length)).toBe('');
    }
  });

  it('produce the same messages as noble, in any order of the counters', () => {
    const arena = WasmArena.createSync({ length: 4096 });
    const ours = openSslAlone(arena).createCipher(KEY);
    const buffer = arena.allocate(4000);
    const inOrder = Array.from({ length: 40 }, (_, i) => i);
    const shuffled = Array.from({ length: 200 }, (_, i) => (i * 73) % 200);
    const across = Array.from({ length: 16 }, (_, i) => 2 ** 32 + ((i * 5) % 16) - 8);
    const jumps = Array.from({ length: 100 }, (_, i) => ((i * 7919) % 97) * 2 ** (i % 46));
    for (const counters of [inOrder, inOrder.toReversed(), shuffled, across, jumps]) {
      for (const [i, counter] of counters.entries()) {
        expect(mistake(ours, counter, buffer, i, (i * 101) % 1500)).toBe('');
      }
    }
  });

  it('open messages that follow messages with wrong tags and random counters', () => {
    const arena = WasmArena.createSync({ length: 4096 });
    const ours = openSslAlone(arena).createCipher(KEY);
    const buffer = arena.allocate(4000);
    for (let counter = 0; counter < 60; counter++) {
      const sealed = new Uint8Array(1436).fill(counter);
      nobleProvider.createCipher(KEY).seal(counter, sealed, 0, 1420);
      buffer.set(sealed);
      for (const wrong of [counter + 1, counter ^ 3, 2 ** 32 + counter, 2 ** 50 + counter]) {
        expect(ours.open(wrong, buffer, 0, 1420)).toBe(false);
      }
      expect(Buffer.compare(buffer.subarray(0, 1436), sealed)).toBe(0);
      expect(ours.open(counter, buffer, 0, 1420)).toBe(true);
    }
  });

  it('are right for each session, however many sessions there are', () => {
    const arena = WasmArena.createSync({ length: 4096 });
    const provider = openSslAlone(arena);
    const buffer = arena.allocate(4000);
    const keys = Array.from({ length: 300 }, (_, i) => random(32, i));
    const ciphers = keys.map((key) => provider.createCipher(key));
    for (let i = 0; i < 900; i++) {
      const at = (i * 7) % keys.length;
      expect(mistake(ciphers[at], i >> 2, buffer, 0, 600, keys[at])).toBe('');
    }
    for (const cipher of ciphers) cipher.destroy();
  });
});

/** OpenSSL for messages of every length, also the shortest, with the one-time keys of wasm. */
function openSslAlone(arena?: WasmArena): CryptoProvider {
  return hybridProvider(createOpensslProvider(), wasmProvider(arena), -1);
}

/**
 * Returns what differs from noble after sealing and opening, also in the rest of the buffer; '' if
 * nothing differs.
 */
function mistake(
  cipher: Cipher,
  counter: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  key = KEY,
): string {
  const plain = random(buffer.length, length);
  const expected = plain.slice();
  nobleProvider.createCipher(key).seal(counter, expected, offset, length);
  buffer.set(plain);
  cipher.seal(counter, buffer, offset, length);
  if (Buffer.compare(buffer, expected) !== 0) return `sealed ${length} with ${counter}`;
  if (!cipher.open(counter, buffer, offset, length)) return `refused ${length} with ${counter}`;
  expected.set(plain.subarray(offset, offset + length), offset);
  return Buffer.compare(buffer, expected) === 0 ? '' : `opened ${length} with ${counter}`;
}

function randomLengths(count: number): number[] {
  return [...new Uint16Array(random(2 * count, 5).buffer)].map((length) => length % 65_000);
}

function random(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length);
  seededRandomBytes(seed + 500)(out);
  return out;
}

const KEY: Uint8Array = random(32, 1);
