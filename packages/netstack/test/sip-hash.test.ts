import { describe, expect, test } from 'vitest';
import { SipHash } from '../src/sip-hash.ts';
import { IpAddress } from '../src/wire/ip-address.ts';

describe('SipHash', () => {
  // vectors.h of the reference implementation. The key is 00 01 .. 0f. The bytes of each message
  // are 00 01 .. too.
  test.each([
    [0, 0x726fdb47dd0e0e31n],
    [4, 0xcf2794e0277187b7n],
    [8, 0x93f5f5799a932462n],
    [12, 0x751e8fbc860ee5fbn],
    [60, 0x6ca4ecb15c5f91e1n],
  ])('agrees with the reference for %i bytes', (length, expected) => {
    const bytes = Uint8Array.from({ length }, (_, i) => i);
    const words = new Int32Array(bytes.buffer);
    const hash = createHash();
    for (let round = 0; round < 2; round++) {
      hash.begin();
      for (const word of words) hash.word(word);
      const low = BigInt(hash.end() >>> 0);
      expect((BigInt(hash.high >>> 0) << 32n) | low).toBe(expected);
    }
  });

  test('depends on every part of an address', () => {
    const texts = ['0.0.0.1', '::1', '::1:0:1', '1::1', '0:0:1::1'];
    const hashes = texts.map((text) => createHash().begin().address(IpAddress.from(text)).end());
    expect(new Set(hashes).size).toBe(texts.length);
  });
});

function createHash(): SipHash {
  return new SipHash((out) => out.set(Uint8Array.from({ length: 16 }, (_, i) => i)));
}
