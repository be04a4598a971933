import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { nobleProvider } from '@litz/core';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { createOpensslProvider } from '../src/index.ts';
import { libcrypto } from '../src/libcrypto.ts';
import { TransportCiphers } from '../src/transport-cipher.ts';

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
  ])('throw on a text outside the buffer: offset %d, length %d', (offset, length) => {
    const cipher = createOpensslProvider().createCipher(new Uint8Array(32));
    const buffer = new Uint8Array(64);
    expect(() => cipher.seal(0, buffer, offset, length)).toThrow(RangeError);
    expect(() => cipher.open(0, buffer, offset, length)).toThrow(RangeError);
    expect(buffer.every((byte) => byte === 0)).toBe(true);
  });

  it.each([
    ['a negative offset', -1, 16, 160, 2],
    ['too little space in front', 63, 16, 160, 2],
    ['too little space behind', 64, 16, 160, 8],
    ['space only for the tag behind', 1024 - 16 - 63, 16, 160, 1],
    ['a negative length', 64, -1, 160, 2],
    ['a length past the end', 64, 1024, 2048, 1],
    ['a stride that is too short', 64, 16, 16 + 16 + 63, 2],
    ['a stride of zero', 64, 16, 0, 2],
    ['a negative stride', 512, 16, -160, 2],
    ['a stride with a fraction', 64, 16, 160.5, 2],
    ['no text', 64, 16, 160, 0],
    ['a negative count', 64, 16, 160, -1],
    // The second text would end outside the buffer, but the end that is computed with 1.5 is
    // inside.
    ['a count with a fraction', 512, 16, 480, 1.5],
    ['an infinite count', 64, 16, 160, Infinity],
    ['offset NaN', NaN, 16, 160, 2],
    ['length NaN', 64, NaN, 160, 2],
    ['stride NaN', 64, 16, NaN, 2],
    ['count NaN', 64, 16, 160, NaN],
  ])('refuse a run with %s and write nothing', (_, offset, length, stride, count) => {
    const cipher = createOpensslProvider().createCipher(KEY);
    const buffer = new Uint8Array(1024).fill(7);
    expect(() => cipher.sealRun?.(0, buffer, offset, length, stride, count)).toThrow(RangeError);
    expect(buffer.every((byte) => byte === 7)).toBe(true);
  });

  it('seal a run that fills the whole buffer', () => {
    const cipher = createOpensslProvider().createCipher(KEY);
    const buffer = new Uint8Array(64 + 160 * 4 + 16 + 64);
    cipher.sealRun?.(3, buffer, 64, 16, 160, 5);
    for (let i = 0; i < 5; i++) expect(cipher.open(3 + i, buffer, 64 + i * 160, 16)).toBe(true);
  });

  it('leave no one-time key in front of the texts of a run', () => {
    const cipher = createOpensslProvider().createCipher(KEY);
    const buffer = new Uint8Array(1024).fill(7);
    cipher.sealRun?.(3, buffer, 64, 100, 256, 3);
    for (let i = 0; i < 3; i++) {
      const front = buffer.subarray(i * 256, i * 256 + 32);
      expect([...front]).toEqual(Array(32).fill(0));
    }
  });

  it.each(['EVP_MAC_init', 'EVP_MAC_update', 'EVP_MAC_final'] as const)(
    'leave no one-time key when %s fails in the middle of a run',
    (name) => {
      const crypto = libcrypto();
      let calls = 0;
      const failing = {
        ...crypto,
        [name]: (...args: unknown[]) =>
          ++calls === 2 ? 0 : (crypto[name] as (...all: unknown[]) => number)(...args),
      };
      const cipher = new TransportCiphers(failing).create(KEY);
      const buffer = new Uint8Array(1024).fill(7);
      expect(() => cipher.sealRun?.(3, buffer, 64, 100, 256, 3)).toThrow(/Poly1305 failed/);
      cipher.destroy();
      const fronts = [0, 1, 2].map((i) => [...buffer.subarray(i * 256, i * 256 + 32)]);
      expect(fronts).toEqual([Array(32).fill(0), Array(32).fill(0), Array(32).fill(7)]);
    },
  );

  it('do not change the bytes around a message, with any space behind it', () => {
    const ours = createOpensslProvider().createCipher(KEY);
    const noble = nobleProvider.createCipher(KEY);
    for (let length = 0; length <= 600; length++) {
      const space = (length * 5) % 80;
      const plain = Uint8Array.from({ length: 16 + length + 16 + space }, (_, i) => i * 7 + length);
      const expected = plain.slice();
      noble.seal(length, expected, 16, length);
      const buffer = plain.slice();
      ours.seal(length, buffer, 16, length);
      expect(Buffer.compare(buffer, expected), `sealed ${length}, space ${space}`).toBe(0);
      expect(ours.open(length, buffer, 16, length)).toBe(true);
      expected.set(plain.subarray(16, 16 + length), 16);
      expect(Buffer.compare(buffer, expected), `opened ${length}, space ${space}`).toBe(0);
      expect(ours.open(length + 1, buffer, 16, length)).toBe(false);
      expect(Buffer.compare(buffer, expected), `refused ${length}, space ${space}`).toBe(0);
    }
  });

  it('ask for the one-time key of a message once, and for no key after the cipher is destroyed', () => {
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

  it('keep the memory whose addresses OpenSSL uses, also after a garbage collection', () => {
    const ours = createOpensslProvider().createCipher(KEY);
    const noble = nobleProvider.createCipher(KEY);
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    // Fills memory that was freed, so that OpenSSL would read other bytes there.
    const others = Array.from({ length: 4096 }, (_, i) =>
      new Uint8Array(64 + (i % 4) * 64).fill(i),
    );
    const [sealed, expected] = [new Uint8Array(256), new Uint8Array(256)];
    ours.seal(1, sealed, 0, 197);
    noble.seal(1, expected, 0, 197);
    expect(sealed).toEqual(expected);
    expect(others).toHaveLength(4096);
  });

  it('can be destroyed twice, and throw when they are used after that', () => {
    const cipher = createOpensslProvider().createCipher(new Uint8Array(32));
    cipher.destroy();
    cipher.destroy();
    const buffer = new Uint8Array(1024);
    expect(() => cipher.sealRun?.(0, buffer, 64, 16, 160, 2)).toThrow(/destroyed/);
    expect(buffer.every((byte) => byte === 0)).toBe(true);
    expect(() => cipher.seal(0, new Uint8Array(64), 0, 16)).toThrow(/destroyed/);
    expect(() => cipher.open(0, new Uint8Array(64), 0, 16)).toThrow(/destroyed/);
  });

  it('refuse a key that does not have 32 bytes', () => {
    const provider = createOpensslProvider();
    expect(() => provider.createCipher(new Uint8Array(31))).toThrow(RangeError);
  });
});

const KEY: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => i * 3 + 1);
