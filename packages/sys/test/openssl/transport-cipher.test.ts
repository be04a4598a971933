import { nobleProvider } from '@litz/core';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { createOpensslProvider } from '../../src/openssl/index.ts';

const openssl = requirement("Node's own OpenSSL", () => {
  createOpensslProvider();
});

describeWith([openssl], 'TransportCiphers', () => {
  it.each([
    [-1, 16],
    [0, -1],
    [0, 49],
    [33, 16],
    [64, 0],
    [NaN, 16],
    [0, NaN],
  ])('hand no address out of the buffer to OpenSSL: offset %d, length %d', (offset, length) => {
    const cipher = createOpensslProvider().createCipher(new Uint8Array(32));
    const buffer = new Uint8Array(64);
    expect(() => cipher.seal(0, buffer, offset, length)).toThrow(RangeError);
    expect(() => cipher.open(0, buffer, offset, length)).toThrow(RangeError);
    expect(buffer.every((byte) => byte === 0)).toBe(true);
  });

  it('leave what is around a message as it is, with any room behind it', () => {
    const ours = createOpensslProvider().createCipher(KEY);
    const noble = nobleProvider.createCipher(KEY);
    for (let length = 0; length <= 600; length++) {
      const room = (length * 5) % 80;
      const plain = Uint8Array.from({ length: 16 + length + 16 + room }, (_, i) => i * 7 + length);
      const expected = plain.slice();
      noble.seal(length, expected, 16, length);
      const buffer = plain.slice();
      ours.seal(length, buffer, 16, length);
      expect(Buffer.compare(buffer, expected), `sealed ${length}, room ${room}`).toBe(0);
      expect(ours.open(length, buffer, 16, length)).toBe(true);
      expected.set(plain.subarray(16, 16 + length), 16);
      expect(Buffer.compare(buffer, expected), `opened ${length}, room ${room}`).toBe(0);
      expect(ours.open(length + 1, buffer, 16, length)).toBe(false);
      expect(Buffer.compare(buffer, expected), `refused ${length}, room ${room}`).toBe(0);
    }
  });

  it('ask once for a one-time key of each message, and not after the end', () => {
    const asked: number[] = [];
    const oneTimeKeys = {
      words: Int32Array.from({ length: 64 }, (_, i) => i * i),
      locate: (counter: number): number => asked.push(counter),
    };
    const cipher = createOpensslProvider().createCipher(KEY, oneTimeKeys);
    const buffer = new Uint8Array(256);
    cipher.seal(5, buffer, 0, 64);
    expect(cipher.open(6, buffer, 0, 64)).toBe(false);
    cipher.destroy();
    expect(() => cipher.seal(7, buffer, 0, 64)).toThrow(/destroyed/);
    expect(asked).toEqual([5, 6]);
  });

  it('give a context back once, and use it no more', () => {
    const cipher = createOpensslProvider().createCipher(new Uint8Array(32));
    cipher.destroy();
    cipher.destroy();
    expect(() => cipher.seal(0, new Uint8Array(64), 0, 16)).toThrow(/destroyed/);
    expect(() => cipher.open(0, new Uint8Array(64), 0, 16)).toThrow(/destroyed/);
  });

  it('refuse a key of another length', () => {
    const provider = createOpensslProvider();
    expect(() => provider.createCipher(new Uint8Array(31))).toThrow(RangeError);
  });
});

const KEY: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => i * 3 + 1);
