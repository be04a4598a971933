/**
 * `describeCipher`: the part of the conformance suite that tests transport ciphers. These ciphers
 * work in place, in a buffer that also contains other data.
 *
 * @module
 */
import type { Cipher } from '@litz/core';
import { expect } from 'vitest';
import type { Check } from './check.ts';
import { seededRandomBytes } from './seeded-random.ts';

export function describeCipher(check: Check): void {
  check(
    'Cipher: seals and opens like aeadSeal, at every length up to 300 and at many offsets',
    (provider) => {
      const cipher = provider.createCipher(newKey());
      for (const length of [...Array.from({ length: 301 }, (_, i) => i), 576, 1420, 65_000]) {
        const offset = 16 + (length % 19);
        const plain = bytes(length, length + 1);
        const sealed = provider.aeadSeal(newKey(), length, plain, NOTHING);
        const buffer = surrounded(plain, offset);
        cipher.seal(length, buffer, offset, length);
        expect(contentOf(buffer, offset, length + TAG), `length ${length}`).toEqual(sealed);
        expectSurroundings(buffer, offset, length + TAG);
        expect(cipher.open(length, buffer, offset, length)).toBe(true);
        expect(contentOf(buffer, offset, length), `length ${length}`).toEqual(plain);
        expectSurroundings(buffer, offset, length + TAG);
      }
      cipher.destroy();
    },
  );

  check('Cipher: works up to the end of a buffer, and not past it', (provider) => {
    const cipher = provider.createCipher(newKey());
    for (const length of [0, 3, 16, 100, 500, 1420]) {
      const buffer = new Uint8Array(length + TAG);
      buffer.set(bytes(length, 3));
      cipher.seal(3, buffer, 0, length);
      expect(buffer).toEqual(provider.aeadSeal(newKey(), 3, bytes(length, 3), NOTHING));
      expect(cipher.open(3, buffer, 0, length)).toBe(true);
    }
    cipher.destroy();
  });

  check('Cipher: accepts counters up to the message limit', (provider) => {
    const cipher = provider.createCipher(newKey());
    for (const counter of [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 45 + 3, 2 ** 53 - 8194]) {
      const plain = bytes(64, 7);
      const buffer = surrounded(plain, 16);
      cipher.seal(counter, buffer, 16, 64);
      expect(contentOf(buffer, 16, 64 + TAG)).toEqual(
        provider.aeadSeal(newKey(), counter, plain, NOTHING),
      );
      expect(cipher.open(counter, buffer, 16, 64)).toBe(true);
    }
  });

  check('Cipher: refuses every flipped bit, and leaves no plaintext', (provider) => {
    const cipher = provider.createCipher(newKey());
    for (const length of [0, 1, 16, 80]) {
      const sealed = sealedBy(cipher, 5, bytes(length, 9));
      for (let bit = 0; bit < (length + TAG) * 8; bit++) {
        const buffer = surrounded(sealed, 16);
        const at = 16 + (bit >> 3);
        buffer[at] = (buffer[at] ?? 0) ^ (1 << (bit & 7));
        expectRefused(cipher, 5, buffer, length);
      }
    }
  });

  check('Cipher: refuses another counter and another key, and leaves no plaintext', (provider) => {
    const cipher = provider.createCipher(newKey());
    const other = provider.createCipher(bytes(32, 100));
    const sealed = sealedBy(cipher, 2 ** 32, bytes(48, 11));
    for (const counter of [0, 2 ** 32 - 1, 2 ** 32 + 1, 2 ** 33]) {
      expectRefused(cipher, counter, surrounded(sealed, 16), 48);
    }
    expectRefused(other, 2 ** 32, surrounded(sealed, 16), 48);
    expect(cipher.open(2 ** 32, surrounded(sealed, 16), 16, 48)).toBe(true);
  });

  check('Cipher: opens a right message after it refused a wrong one', (provider) => {
    const cipher = provider.createCipher(newKey());
    const sealed = sealedBy(cipher, 1, bytes(100, 12));
    for (let i = 0; i < 50; i++) {
      const wrong = surrounded(sealed, 16);
      wrong[20] = (wrong[20] ?? 0) ^ 1;
      expect(cipher.open(1, wrong, 16, 100)).toBe(false);
      expect(cipher.open(1, surrounded(sealed, 16), 16, 100)).toBe(true);
    }
  });

  check('Cipher: copies its key, and can be destroyed without an effect on others', (provider) => {
    const key = newKey();
    const first = provider.createCipher(key);
    const second = provider.createCipher(key);
    key.fill(0);
    const plain = bytes(32, 13);
    const expected = provider.aeadSeal(newKey(), 3, plain, NOTHING);
    expect(sealedBy(first, 3, plain)).toEqual(expected);
    first.destroy();
    expect(sealedBy(second, 3, plain)).toEqual(expected);
    second.destroy();
  });

  check(
    'Cipher: if it has readKey, returns its key, and throws after it is destroyed',
    (provider) => {
      const key = newKey();
      const cipher = provider.createCipher(key);
      if (cipher.readKey) {
        cipher.seal(0, new Uint8Array(256), 64, 100);
        const out = new Uint8Array(32);
        cipher.readKey(out);
        expect(out).toEqual(key);
        cipher.destroy();
        expect(() => cipher.readKey?.(out)).toThrow(TypeError);
      }
    },
  );

  check('Cipher: works on memory that is shared between threads', (provider) => {
    const cipher = provider.createCipher(newKey());
    const plain = bytes(77, 14);
    const buffer = new Uint8Array(new SharedArrayBuffer(256));
    buffer.set(plain, 33);
    cipher.seal(4, buffer, 33, 77);
    expect(contentOf(buffer, 33, 77 + TAG)).toEqual(provider.aeadSeal(newKey(), 4, plain, NOTHING));
    expect(cipher.open(4, buffer, 33, 77)).toBe(true);
    expect(contentOf(buffer, 33, 77)).toEqual(plain);
  });
}

/** Expects a refusal, after which the buffer contains the unchanged ciphertext or zeros. */
function expectRefused(cipher: Cipher, counter: number, buffer: Uint8Array, length: number): void {
  const before = contentOf(buffer, 16, length);
  expect(cipher.open(counter, buffer, 16, length)).toBe(false);
  const after = contentOf(buffer, 16, length);
  if (after.some((byte) => byte !== 0)) expect(after).toEqual(before);
  expectSurroundings(buffer, 16, length + TAG);
}

function sealedBy(cipher: Cipher, counter: number, plain: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(plain.length + TAG);
  buffer.set(plain);
  cipher.seal(counter, buffer, 0, plain.length);
  return buffer;
}

/**
 * Returns a buffer with `content` at `offset` and space for a tag after it. The bytes before the
 * content and after the tag must not change.
 */
function surrounded(content: Uint8Array, offset: number): Uint8Array {
  const buffer = new Uint8Array(offset + content.length + TAG + MARGIN).fill(MARK);
  buffer.set(content, offset);
  return buffer;
}

function expectSurroundings(buffer: Uint8Array, offset: number, length: number): void {
  expect(isMarked(buffer.subarray(0, offset))).toBe(true);
  expect(isMarked(buffer.subarray(offset + length))).toBe(true);
}

function isMarked(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === MARK);
}

/** Returns a copy in ordinary memory, also from a SharedArrayBuffer. */
function contentOf(buffer: Uint8Array, offset: number, length: number): Uint8Array {
  return Uint8Array.from(buffer.subarray(offset, offset + length));
}

/**
 * Returns the same key each time, in a new array. So a cipher that wipes its argument does not
 * spoil the key for later calls.
 */
function newKey(): Uint8Array {
  return bytes(32, 99);
}

function bytes(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length);
  seededRandomBytes(seed)(out);
  return out;
}

const TAG = 16;
const MARGIN = 9;
const MARK = 0xa5;
const NOTHING = new Uint8Array(0);
