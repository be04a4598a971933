/**
 * Tests that no secret is left in the memory of an arena after its use.
 *
 * @module
 */
import { seededRandomBytes } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { WasmArena, wasmProvider } from '../src/index.ts';
import { WasmAead } from '../src/wasm-aead.ts';
import { WasmCipher } from '../src/wasm-cipher.ts';
import { BUILDS } from './builds.ts';

const KEY = random(32, 1);
const PLAIN = random(3000, 2);
const NOTHING = new Uint8Array(0);

type Key = Uint8Array;
type SixKeys = [Key, Key, Key, Key, Key, Key];

describe.each(BUILDS)('the memory of the %s build', (build) => {
  test('contains the key of a cipher until the cipher is destroyed', () => {
    const arena = WasmArena.createSync({ build });
    const cipher = new WasmCipher(arena, KEY);
    const other = new WasmCipher(arena, random(32, 3));
    for (const each of [cipher, other]) each.seal(0, new Uint8Array(80), 0, 64);
    expect(piecesIn(arena, KEY)).toBeGreaterThan(0);
    cipher.destroy();
    expect(piecesIn(arena, KEY)).toBe(0);
    expect(piecesIn(arena, random(32, 3))).toBeGreaterThan(0);
    other.destroy();
    expect(secretsOf(arena)).toEqual([]);
  });

  test('contains nothing of 600 destroyed ciphers, although several of them shared a slot', () => {
    const arena = WasmArena.createSync({ build });
    const ciphers = Array.from({ length: 600 }, (_, i) => new WasmCipher(arena, random(32, i)));
    for (const each of ciphers) each.seal(0, new Uint8Array(80), 0, 64);
    for (const each of ciphers) each.destroy();
    expect(secretsOf(arena)).toEqual([]);
  });

  test('contains no one-time key of a destroyed cipher, whether the key was used or not', () => {
    const arena = WasmArena.createSync({ build });
    const cipher = new WasmCipher(arena, KEY);
    cipher.oneTimeKeys.locate(5);
    expect(secretsOf(arena).length).toBeGreaterThan(4 * 32);
    cipher.destroy();
    expect(secretsOf(arena)).toEqual([]);
  });

  test('contains no key stream after a packet of 208 bytes was opened, and no one-time key after the cipher was destroyed', () => {
    const arena = WasmArena.createSync({ build });
    const cipher = new WasmCipher(arena, KEY);
    const message = new Uint8Array(208 + 16);
    cipher.seal(5, message, 0, 208);
    const stream = message.slice(0, 208); // the text is all zero, so this is the key stream
    expect(cipher.open(5, message, 0, 208)).toBe(true);
    expect(piecesIn(arena, stream)).toBe(0);
    cipher.destroy();
    expect(secretsOf(arena)).toEqual([]);
  });

  test('contains no one-time key of a cipher whose slot is used by another cipher', () => {
    const arena = WasmArena.createSync({ build });
    const ciphers = Array.from({ length: 257 }, (_, i) => new WasmCipher(arena, random(32, i)));
    const at = 4 * ciphers[0].oneTimeKeys.locate(5);
    const oneTimeKeys = arena.bytes.slice(at - 64, at + 3 * 64);
    expect(piecesIn(arena, oneTimeKeys)).toBe(32);
    // This cipher takes over the slot. It only seals, so it computes no one-time keys.
    ciphers[256].seal(0, new Uint8Array(80), 0, 64);
    ciphers[0].destroy();
    expect(piecesIn(arena, oneTimeKeys)).toBe(0);
    ciphers[256].destroy();
    expect(secretsOf(arena)).toEqual([]);
  });

  test.each([0, 5, 64, 200, 1420, 3000])(
    'contains no key stream after %i bytes were sealed and opened',
    (length) => {
      const arena = WasmArena.createSync({ length: 4096, build });
      const slab = arena.allocate(4096);
      const cipher = new WasmCipher(arena, KEY);
      slab.set(PLAIN.subarray(0, length));
      cipher.seal(1, slab, 0, length);
      const sealed = slab.slice();
      cipher.open(1, slab, 0, length);
      slab.set(sealed);
      slab[length] ^= 1;
      cipher.open(1, slab, 0, length);
      cipher.destroy();
      expect(secretsOf(arena)).toEqual([]);
    },
  );

  test('contains no text from outside the arena', () => {
    const arena = WasmArena.createSync({ build });
    const cipher = new WasmCipher(arena, KEY);
    const buffer = new Uint8Array(3016);
    buffer.set(PLAIN);
    cipher.seal(1, buffer, 0, 3000);
    cipher.open(1, buffer, 0, 3000);
    cipher.destroy();
    expect(Buffer.compare(buffer.subarray(0, 3000), PLAIN)).toBe(0);
    expect(piecesIn(arena, PLAIN)).toBe(0);
    expect(secretsOf(arena)).toEqual([]);
  });

  test.each([12, 24])(
    'contains neither key nor text after Aead with a nonce of %i bytes',
    (length) => {
      const arena = WasmArena.createSync({ build });
      const aead = new WasmAead(arena);
      const sealed = aead.seal(KEY, random(length, 9), PLAIN, random(33, 10));
      expect(aead.open(KEY, random(length, 9), sealed, random(33, 10))).toEqual(PLAIN);
      expect(aead.open(KEY, random(length, 8), sealed, random(33, 10))).toBeUndefined();
      expect(piecesIn(arena, KEY) + piecesIn(arena, PLAIN)).toBe(0);
      expect(secretsOf(arena)).toEqual([]);
    },
  );

  test('contains neither the key nor the right tag after a message with a wrong tag', () => {
    const arena = WasmArena.createSync({ length: 4096, build });
    const slab = arena.allocate(2000);
    const cipher = wasmProvider(arena).createCipher(KEY);
    slab.set(PLAIN.subarray(0, 1500));
    cipher.seal(3, slab, 100, 1000);
    const tag = slab.slice(1100, 1116);
    slab[1100] ^= 1;
    expect(cipher.open(3, slab, 100, 1000)).toBe(false);
    cipher.destroy();
    expect(piecesIn(arena, tag.subarray(0, 8)) + piecesIn(arena, KEY)).toBe(0);
    expect(secretsOf(arena)).toEqual([]);
  });

  test('contains no secret after hashes, HMACs and X25519', () => {
    const arena = WasmArena.createSync({ build });
    const provider = wasmProvider(arena);
    const out = new Uint8Array(32);
    provider.hash(out, PLAIN, KEY);
    provider.mac(out, KEY, PLAIN);
    provider.hmac(out, KEY, PLAIN);
    const input = random(32, 4);
    const derived = [1, 2, 3, 4, 5, 6].map(() => new Uint8Array(32)) as SixKeys;
    provider.kdf?.(KEY, input, derived[0]);
    provider.kdf?.(KEY, NOTHING, derived[1], derived[2]);
    provider.kdf?.(KEY, input, derived[3], derived[4], derived[5]);
    const shared = provider.dh(KEY, random(32, 5)) ?? out;
    for (const secret of [KEY, PLAIN, out, shared, input, ...derived]) {
      expect(piecesIn(arena, secret)).toBe(0);
    }
    expect(secretsOf(arena)).toEqual([]);
    expect(arena.window.every((byte) => byte === 0)).toBe(true);
  });

  test('contains nothing of a hashed text that is longer than the window', () => {
    const arena = WasmArena.createSync({ build });
    const text = random(arena.window.length + 100, 6);
    wasmProvider(arena).hash(new Uint8Array(32), text);
    expect(arena.window.every((byte) => byte === 0)).toBe(true);
  });
});

/** Returns how many of the 8-byte pieces of `secret` are anywhere in the memory. */
function piecesIn(arena: WasmArena, secret: Uint8Array): number {
  const memory = Buffer.from(arena.bytes.buffer);
  let count = 0;
  for (let at = 0; at + 8 <= secret.length; at += 8) {
    if (memory.includes(Buffer.from(secret.subarray(at, at + 8)))) count++;
  }
  return count;
}

/**
 * Returns the addresses of bytes that are not zero, between the tables and the window. All of this
 * memory is for secrets.
 */
function secretsOf(arena: WasmArena): string[] {
  const { value: start } = arena.kernels.KEY;
  const own = arena.bytes.subarray(start, arena.window.byteOffset);
  return [...own.entries()]
    .filter(([, byte]) => byte !== 0)
    .map(([at]) => (start + at).toString(16));
}

function random(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length);
  seededRandomBytes(seed + 1000)(out);
  return out;
}
