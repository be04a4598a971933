import type { Region } from '@litz/sys';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it, vi } from 'vitest';
import { Blake2s } from '../src/blake2s.ts';
import { createOpensslProvider } from '../src/index.ts';
import { libcrypto } from '../src/libcrypto.ts';

/** All regions that were allocated. */
const regions: Region[] = [];

vi.mock(import('@litz/sys'), async (original) => {
  const sys = await original();
  return {
    ...sys,
    allocate: (length) => {
      const region = sys.allocate(length);
      regions.push(region);
      return region;
    },
  };
});

const openssl = requirement("Node's own OpenSSL", () => createOpensslProvider().destroy?.());

describeWith([openssl], 'Blake2s', () => {
  it.each([
    ['a hash', (blake2s: Blake2s) => blake2s.hash(out(), secret(32), secret(2000))],
    ['a mac', (blake2s: Blake2s) => blake2s.mac(out(), secret(32), secret(2000))],
    ['an HMAC of two short texts', (blake2s: Blake2s) => hmac(blake2s, 1, 1)],
    ['an HMAC of a text and nothing', (blake2s: Blake2s) => hmac(blake2s, 32, 0)],
    ['an HMAC of two long texts', (blake2s: Blake2s) => hmac(blake2s, 100, 2000)],
  ])('keeps nothing of %s in its memory', (_, use) => {
    regions.length = 0;
    const blake2s = new Blake2s(libcrypto());

    use(blake2s);

    // Regions of other lengths contain only the parameters of a mac, which are not secret.
    const used = regions.filter(({ bytes }) => bytes.length >= 1024 || bytes.length === 32);
    expect(used.length).toBeGreaterThan(1);
    for (const { bytes } of used) expect(bytes.every((byte) => byte === 0)).toBe(true);
  });
});

function hmac(blake2s: Blake2s, a: number, b: number): void {
  blake2s.hmac(out(), secret(32), secret(a), secret(b));
}

function out(): Uint8Array {
  return new Uint8Array(32);
}

function secret(length: number): Uint8Array {
  return new Uint8Array(length).fill(0xa5);
}
