import { fromHex, readVectors, referenceProvider, toHex } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { kdf } from '../../src/crypto/kdf.ts';
import { nobleProvider } from '../../src/crypto/noble.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';

const { tests } = readVectors('primitives/kdf.json') as {
  tests: { key: string; input: string; outputs: string[] }[];
};

describe('kdf', () => {
  it.each([nobleProvider, referenceProvider])('agrees with the vectors, on $name', (crypto) => {
    for (const { key, input, outputs } of tests) {
      for (const n of [1, 2, 3]) {
        const results = outputs.slice(0, n).map(() => new Uint8Array(32));
        const [first = new Uint8Array(32), ...rest] = results;
        kdf(crypto, fromHex(key), fromHex(input), first, ...rest);
        expect(results.map(toHex)).toEqual(outputs.slice(0, n));
      }
    }
  });

  it('can write over its key and its input', () => {
    const [key, input] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const expected = [new Uint8Array(32), new Uint8Array(32)] as const;
    kdf(nobleProvider, key, input, ...expected);
    kdf(nobleProvider, key, input, key, input);
    expect([key, input]).toEqual(expected);
  });

  it('wipes the intermediate value t0', () => {
    const keys: Uint8Array[] = [];
    const hmac = (...[out, key, ...rest]: Parameters<CryptoProvider['hmac']>): void => {
      keys.push(key);
      nobleProvider.hmac(out, key, ...rest);
    };
    const [key, input] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    kdf({ ...nobleProvider, hmac }, key, input, new Uint8Array(32));
    expect(keys).toEqual([key, new Uint8Array(32)]);
  });

  it('uses the kdf of a provider that has one', () => {
    const given: unknown[] = [];
    const [key, input, first, second, third] = [1, 2, 3, 4, 5].map((byte) => Uint8Array.of(byte));
    kdf(
      { ...nobleProvider, kdf: (...all) => void given.push(...all) },
      key,
      input,
      first,
      second,
      third,
    );
    expect(given).toEqual([key, input, first, second, third]);
    expect(first).toEqual(Uint8Array.of(3));
  });
});
