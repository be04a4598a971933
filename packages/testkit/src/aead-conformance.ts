/**
 * `describeAead` and `describeXaead`: the part of the conformance suite that tests Aead and Xaead,
 * as handshakes and cookie replies use them.
 *
 * @module
 */
import { expect } from 'vitest';
import type { Check } from './check.ts';
import { fromHex, readVectors, toHex } from './vectors.ts';
import { testsOf, type Wycheproof } from './wycheproof.ts';

export function describeAead(check: Check): void {
  const { tests } = readVectors('primitives/aead-counter.json') as { tests: CounterTest[] };

  check('aeadSeal: agrees with the table', (provider) => {
    for (const { key, counter, plain, auth, sealed } of tests) {
      const result = provider.aeadSeal(fromHex(key), counter, fromHex(plain), fromHex(auth));
      expect(toHex(result)).toBe(sealed);
    }
  });

  check('aeadOpen: agrees with the table', (provider) => {
    for (const { key, counter, plain, auth, sealed } of tests) {
      const result = provider.aeadOpen(fromHex(key), counter, fromHex(sealed), fromHex(auth));
      expect(hexOf(result)).toBe(plain);
    }
  });

  check('aeadOpen: returns undefined when any bit is different', (provider) => {
    const test = tests.find(({ plain, auth }) => plain.length === 96 && auth.length === 64);
    const parts = [
      fromHex(test?.key ?? ''),
      fromHex(test?.sealed ?? ''),
      fromHex(test?.auth ?? ''),
    ];
    const [key, sealed, auth] = parts as [Uint8Array, Uint8Array, Uint8Array];
    const counter = test?.counter ?? 0;
    expect(hexOf(provider.aeadOpen(key, counter, sealed, auth))).toBe(test?.plain);
    expect(provider.aeadOpen(key, counter + 1, sealed, auth)).toBeUndefined();
    for (const part of parts) {
      eachBitFlipped(part, () =>
        expect(provider.aeadOpen(key, counter, sealed, auth)).toBeUndefined(),
      );
    }
  });

  check('aeadOpen: returns undefined for bytes that are too short for a tag', (provider) => {
    for (let length = 0; length < 16; length++) {
      const sealed = new Uint8Array(length);
      expect(provider.aeadOpen(new Uint8Array(32), 0, sealed, new Uint8Array(0))).toBeUndefined();
    }
  });

  check('aeadSeal, aeadOpen: do not change their arguments', (provider) => {
    const [key, plain, auth] = [1, 2, 3].map((fill) => new Uint8Array(40).fill(fill));
    const keyBytes = key?.subarray(0, 32) ?? new Uint8Array(32);
    const sealed = provider.aeadSeal(keyBytes, 9, plain ?? keyBytes, auth ?? keyBytes);
    const copy = sealed.slice();
    provider.aeadOpen(keyBytes, 9, sealed, auth ?? keyBytes);
    expect(sealed).toEqual(copy);
    expect([key, plain, auth]).toEqual([1, 2, 3].map((fill) => new Uint8Array(40).fill(fill)));
  });
}

export function describeXaead(check: Check): void {
  const draft = readVectors('rfc/draft-irtf-cfrg-xchacha-03.json') as { tests: NonceTest[] };
  const wycheproof = readVectors('wycheproof/xchacha20-poly1305.json') as Wycheproof<AeadTest>;
  const usable = testsOf(wycheproof).filter(({ iv }) => iv.length === 48);

  check('xaeadSeal: agrees with the draft and Wycheproof', (provider) => {
    for (const { key, nonce, plain, auth, sealed } of draft.tests) {
      const result = provider.xaeadSeal(
        fromHex(key),
        fromHex(nonce),
        fromHex(plain),
        fromHex(auth),
      );
      expect(toHex(result)).toBe(sealed);
    }
    for (const { key, iv, msg, aad, ct, tag, tcId, result } of usable) {
      if (result !== 'valid') continue;
      const sealed = provider.xaeadSeal(fromHex(key), fromHex(iv), fromHex(msg), fromHex(aad));
      expect(toHex(sealed), `tcId ${tcId}`).toBe(ct + tag);
    }
  });

  check('xaeadOpen: agrees with the draft and Wycheproof', (provider) => {
    for (const { key, nonce, plain, auth, sealed } of draft.tests) {
      const result = provider.xaeadOpen(
        fromHex(key),
        fromHex(nonce),
        fromHex(sealed),
        fromHex(auth),
      );
      expect(hexOf(result)).toBe(plain);
    }
    for (const { key, iv, msg, aad, ct, tag, tcId, result } of usable) {
      const plain = provider.xaeadOpen(fromHex(key), fromHex(iv), fromHex(ct + tag), fromHex(aad));
      expect(hexOf(plain), `tcId ${tcId}`).toBe(result === 'valid' ? msg : undefined);
    }
  });

  check('xaeadOpen: returns undefined for bytes that are too short for a tag', (provider) => {
    const [key, nonce] = [new Uint8Array(32), new Uint8Array(24)];
    for (let length = 0; length < 16; length++) {
      expect(
        provider.xaeadOpen(key, nonce, new Uint8Array(length), new Uint8Array(16)),
      ).toBeUndefined();
    }
  });
}

/** Calls `run` once for each bit of `bytes`, with that bit flipped. */
export function eachBitFlipped(bytes: Uint8Array, run: () => void): void {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const at = bit >> 3;
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
    run();
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
  }
}

function hexOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && toHex(bytes);
}

interface AeadTest {
  tcId: number;
  key: string;
  iv: string;
  aad: string;
  msg: string;
  ct: string;
  tag: string;
  result: 'valid' | 'invalid';
}

interface NonceTest {
  key: string;
  nonce: string;
  plain: string;
  auth: string;
  sealed: string;
}

interface CounterTest {
  key: string;
  counter: number;
  plain: string;
  auth: string;
  sealed: string;
}
