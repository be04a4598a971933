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
    ['two short texts', 1, 1],
    ['a text and nothing', 32, 0],
    ['two long texts', 100, 2000],
  ])('keeps nothing of an HMAC of %s in its memory', (_, a, b) => {
    regions.length = 0;
    const blake2s = new Blake2s(libcrypto());

    blake2s.hmac(new Uint8Array(32), secret(32), secret(a), secret(b));

    // Regions of less than 1024 bytes have parameters, or the result.
    const inputs = regions.filter(({ bytes }) => bytes.length >= 1024);
    expect(inputs.length).toBeGreaterThan(0);
    for (const { bytes } of inputs) expect(bytes.every((byte) => byte === 0)).toBe(true);
  });
});

function secret(length: number): Uint8Array {
  return new Uint8Array(length).fill(0xa5);
}
