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
