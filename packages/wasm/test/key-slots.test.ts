import { nonceOf } from '@litz/core/internals';
import { seededRandomBytes } from '@litz/testkit';
import { chacha20 } from '@noble/ciphers/chacha.js';
import { describe, expect, test, vi } from 'vitest';
import { WasmArena } from '../src/index.ts';
import { KeySlots } from '../src/key-slots.ts';
import { WasmCipher } from '../src/wasm-cipher.ts';
import { BUILDS } from './builds.ts';

/**
 * The first counters, counters around 2^31, 2^32 and 2^33, one large counter, and the limit of
 * messages (`REJECT_AFTER_MESSAGES` of core).
 */
const EDGES: readonly number[] = [
  0,
  1,
  3,
  4,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 5,
  2 ** 32 - 4,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 3,
  2 ** 33 - 1,
  2 ** 45 + 7,
  2 ** 53 - 8193,
];

describe.each(BUILDS)('one-time keys of a WasmCipher, %s', (build) => {
  test('are the first 32 bytes of block 0 of ChaCha20, in any order of the counters', () => {
    const arena = WasmArena.createSync({ build });
    const cipher = new WasmCipher(arena, keyOf(1));
    const inOrder = Array.from({ length: 300 }, (_, i) => i);
    const across = Array.from({ length: 16 }, (_, i) => 2 ** 32 - 8 + i);
    const jumps = Array.from({ length: 300 }, (_, i) => ((i * 7919) % 97) * 2 ** (i % 47));
    for (const counters of [inOrder, inOrder.toReversed(), across, EDGES, jumps]) {
      for (const counter of counters) expect(isOneTimeKey(cipher, keyOf(1), counter)).toBe(true);
    }
  });

  test('belong to the right key, even if there are more ciphers than slots', () => {
    const arena = WasmArena.createSync({ build });
    const ciphers = Array.from({ length: 600 }, (_, i) => new WasmCipher(arena, keyOf(i)));
    for (let i = 0; i < 3000; i++) {
      const at = (i * 257) % ciphers.length;
      expect(isOneTimeKey(ciphers[at], keyOf(at), i >> 3)).toBe(true);
    }
    for (const each of ciphers) each.destroy();
  });

  test('belong to the right key after another cipher has used the same slot', () => {
    const arena = WasmArena.createSync({ build });
    const ciphers = Array.from({ length: 257 }, (_, i) => new WasmCipher(arena, keyOf(i)));
    // The first and the last cipher share a slot.
    for (let i = 0; i < 20; i++) {
      expect(isOneTimeKey(ciphers[0], keyOf(0), 8)).toBe(true);
      ciphers[256].seal(8, new Uint8Array(64), 0, 8);
      expect(isOneTimeKey(ciphers[256], keyOf(256), 8)).toBe(true);
      ciphers[0].seal(8, new Uint8Array(64), 0, 8);
    }
  });
});

describe('KeySlots', () => {
  test('computes four one-time keys at once', () => {
    const { locate, firstBlocks } = counted();
    for (let counter = 0; counter < 400; counter++) locate(counter);
    expect(firstBlocks).toHaveBeenCalledTimes(100);
  });

  test('computes one-time keys at most once per message, with any counters', () => {
    const { locate, firstBlocks } = counted();
    for (let i = 0; i < 1000; i++) {
      const before = firstBlocks.mock.calls.length;
      locate(((i * 7919) % 10_007) * 2 ** (i % 40));
      expect(firstBlocks.mock.calls.length - before).toBeLessThanOrEqual(1);
    }
  });
});

function counted() {
  const arena = WasmArena.createSync();
  const firstBlocks = vi.fn(arena.kernels.firstBlocks);
  const slots = new KeySlots(arena.bytes, { ...arena.kernels, firstBlocks });
  const owner = {};
  const slot = slots.assign();
  const locate = (counter: number): number => slots.firstBlockOf(slot, owner, keyOf(1), counter);
  return { locate, firstBlocks };
}

function isOneTimeKey({ oneTimeKeys }: WasmCipher, key: Uint8Array, counter: number): boolean {
  const at = oneTimeKeys.locate(counter);
  const got = new Uint8Array(oneTimeKeys.words.slice(at, at + 8).buffer);
  return Buffer.compare(got, chacha20(key, nonceOf(counter), new Uint8Array(32))) === 0;
}

function keyOf(seed: number): Uint8Array {
  const out = new Uint8Array(32);
  seededRandomBytes(seed + 77)(out);
  return out;
}
