/**
 * The conformance suite of crypto providers. Each provider calls the suite from one short test
 * file:
 *
 * ```ts
 * describeCryptoProvider('noble', () => nobleProvider);
 * ```
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';
import { kdf } from '@litz/core/internals';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Check } from './check.ts';
import { describeCipher } from './cipher-conformance.ts';
import { describeAead, describeXaead } from './aead-conformance.ts';
import { describeSealRun } from './seal-run-conformance.ts';
import { fromHex, readVectors, toHex } from './vectors.ts';
import { testsOf, type Wycheproof } from './wycheproof.ts';

export interface ConformanceOptions {
  /** Names of tests that cannot pass, with the reason. They are reported as skipped. */
  skip?: readonly { reason: string; tests: readonly string[] }[];
}

/** Defines the tests of one provider. `create` is called once. */
export function describeCryptoProvider(
  name: string,
  create: () => CryptoProvider | Promise<CryptoProvider>,
  options: ConformanceOptions = {},
): void {
  describe(`crypto provider ${name}`, () => {
    let provider: CryptoProvider | undefined;
    beforeAll(async () => {
      provider = await create();
    });
    const check: Check = (test, run) => {
      const skipped = options.skip?.find(({ tests }) => tests.includes(test));
      // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect -- the caller has both
      it(test, { timeout: 60_000 }, (context) => {
        if (skipped) context.skip(skipped.reason);
        if (!provider) throw new Error('the provider could not be created');
        run(provider);
      });
    };
    describeX25519(check);
    describeBlake2s(check);
    describeAead(check);
    describeXaead(check);
    describeCipher(check);
    describeSealRun(check);
  });
}

function describeX25519(check: Check): void {
  const rfc = readVectors('rfc/rfc7748.json') as Rfc7748;
  const wycheproof = readVectors('wycheproof/x25519.json') as Wycheproof<XdhTest>;

  check('dh: agrees with RFC 7748', (provider) => {
    for (const { scalar, u, result } of rfc.tests) {
      expect(optionalHex(provider.dh(fromHex(scalar), fromHex(u)))).toBe(result);
    }
  });

  check('dh: agrees with RFC 7748 after 1 and after 1000 rounds', (provider) => {
    for (const { start, rounds, result } of rfc.iterated) {
      let k = fromHex(start);
      let u = fromHex(start);
      for (let i = 0; i < rounds; i++) [k, u] = [provider.dh(k, u) ?? new Uint8Array(32), k];
      expect(toHex(k)).toBe(result);
    }
  });

  check('dh: agrees with Wycheproof', (provider) => {
    for (const test of testsOf(wycheproof)) {
      const shared = provider.dh(fromHex(test.private), fromHex(test.public));
      const expected = /^0+$/.test(test.shared) ? undefined : test.shared;
      expect(optionalHex(shared), `tcId ${test.tcId}`).toBe(expected);
    }
  });

  check('dh: returns undefined for the seven low-order points, with any top bit', (provider) => {
    for (const point of rfc.lowOrder) {
      const publicKey = fromHex(point);
      expect(provider.dh(new Uint8Array(32).fill(0x48), publicKey)).toBeUndefined();
      publicKey[31] = (publicKey[31] ?? 0) | 0x80;
      expect(provider.dh(new Uint8Array(32).fill(0x48), publicKey)).toBeUndefined();
    }
  });

  check('dh: does not change its arguments, and returns new bytes', (provider) => {
    const privateKey = new Uint8Array(32).fill(0xff);
    const publicKey = new Uint8Array(32).fill(0xfe);
    const first = provider.dh(privateKey, publicKey);
    expect(privateKey).toEqual(new Uint8Array(32).fill(0xff));
    expect(publicKey).toEqual(new Uint8Array(32).fill(0xfe));
    const second = provider.dh(privateKey, publicKey);
    expect(second).toEqual(first);
    expect(second?.buffer === first?.buffer && second?.byteOffset === first?.byteOffset).toBe(
      false,
    );
  });

  check('dhPublicKey: is dh with the base point', (provider) => {
    const base = Uint8Array.of(9, ...new Uint8Array(31));
    for (const { scalar } of rfc.tests) {
      expect(provider.dhPublicKey(fromHex(scalar))).toEqual(provider.dh(fromHex(scalar), base));
    }
  });

  check('dhKey, if there is one: agrees with dh and dhPublicKey, in any order', (provider) => {
    const keys = rfc.tests.map(({ scalar }) => provider.dhKey?.(fromHex(scalar)));
    for (const [i, { scalar, u, result }] of rfc.tests.entries()) {
      const key = keys[i];
      if (!key) continue;
      expect(key.publicKey).toEqual(provider.dhPublicKey(fromHex(scalar)));
      for (const point of rfc.lowOrder) expect(key.dh(fromHex(point))).toBeUndefined();
      expect(optionalHex(key.dh(fromHex(u)))).toBe(result);
      // Work with another key in between must not change the result.
      provider.dh(new Uint8Array(32).fill(0x48), fromHex(scalar));
      expect(optionalHex(key.dh(fromHex(u)))).toBe(result);
      key.destroy();
      key.destroy();
    }
  });

  check('dhKey, if it returns the private key: each of two keys returns its own', (provider) => {
    const privateKey = new Uint8Array(32).fill(0x48);
    const other = provider.dhKey?.(new Uint8Array(32).fill(0x50));
    const key = provider.dhKey?.(privateKey);
    const out = new Uint8Array(32);
    for (let i = 0; i < 2; i++) key?.readPrivateKey?.(out.fill(0));
    if (key?.readPrivateKey) expect(out).toEqual(privateKey);
    key?.destroy();
    other?.readPrivateKey?.(out);
    if (other?.readPrivateKey) expect(out).toEqual(new Uint8Array(32).fill(0x50));
    other?.destroy();
  });

  check('dhKey, if there is one: copies the private key', (provider) => {
    const privateKey = new Uint8Array(32).fill(0x48);
    const publicKey = new Uint8Array(32).fill(0xfe);
    const key = provider.dhKey?.(privateKey);
    if (!key) return;
    const expected = provider.dh(privateKey, publicKey);
    privateKey.fill(0);
    expect(key.dh(publicKey)).toEqual(expected);
    key.destroy();
  });
}

function describeBlake2s(check: Check): void {
  const rfc = readVectors('rfc/rfc7693.json') as { tests: HashTest[] };
  const table = readVectors('primitives/blake2s.json') as Blake2sTable;
  const kdfs = readVectors('primitives/kdf.json') as { tests: KdfTest[] };

  check('hash: agrees with RFC 7693 and the table', (provider) => {
    for (const test of [...rfc.tests, ...table.hash]) {
      const out = new Uint8Array(32);
      provider.hash(out, fromHex(test.input));
      expect(toHex(out)).toBe(test.hash);
    }
  });

  check('hash: returns for two parts the hash of both together', (provider) => {
    for (const test of table.hash) {
      const input = fromHex(test.input);
      for (const at of [0, 1, 32, 64, input.length]) {
        const out = new Uint8Array(32);
        provider.hash(out, input.slice(0, at), input.slice(at));
        expect(toHex(out)).toBe(test.hash);
      }
    }
  });

  check('hash: may write over either part', (provider) => {
    const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const expected = new Uint8Array(32);
    provider.hash(expected, a, b);
    const [first, second] = [a.slice(), b.slice()];
    provider.hash(first, first, b);
    provider.hash(second, a, second);
    expect([first, second]).toEqual([expected, expected]);
  });

  check('mac: agrees with the table, for keys of 16 and of 32 bytes', (provider) => {
    for (const test of table.mac) {
      const out = new Uint8Array(16);
      provider.mac(out, fromHex(test.key), fromHex(test.input));
      expect(toHex(out)).toBe(test.mac);
    }
  });

  check('hmac: agrees with the table, in one part and in two', (provider) => {
    for (const test of table.hmac) {
      const [key, input] = [fromHex(test.key), fromHex(test.input)];
      const out = new Uint8Array(32);
      provider.hmac(out, key, input);
      expect(toHex(out)).toBe(test.hmac);
      for (const at of [0, 1, 32, input.length]) {
        provider.hmac(out, key, input.slice(0, at), input.slice(at));
        expect(toHex(out)).toBe(test.hmac);
      }
    }
  });

  check('hmac: may write over its key and its input', (provider) => {
    const [key, input] = [new Uint8Array(32).fill(3), new Uint8Array(32).fill(4)];
    const expected = new Uint8Array(32);
    provider.hmac(expected, key, input, Uint8Array.of(2));
    const [first, second] = [key.slice(), input.slice()];
    provider.hmac(first, first, input, Uint8Array.of(2));
    provider.hmac(second, key, second, Uint8Array.of(2));
    expect([first, second]).toEqual([expected, expected]);
  });

  check('kdf, if there is one: agrees with the vectors', (provider) => {
    for (const { key, input, outputs } of kdfs.tests) {
      for (const n of [1, 2, 3]) {
        const keys = threeKeys();
        const results = keys.slice(0, n);
        provider.kdf?.(fromHex(key), fromHex(input), keys[0], results[1], results[2]);
        if (provider.kdf) expect(results.map(toHex)).toEqual(outputs.slice(0, n));
      }
    }
  });

  check('kdf, if there is one: agrees with hmac, at every length up to 32', (provider) => {
    if (!provider.kdf) return;
    const byHmac = { ...provider };
    delete byHmac.kdf;
    const key = Uint8Array.from({ length: 32 }, (_, i) => 200 + i);
    for (let length = 0; length <= 32; length++) {
      const input = new Uint8Array(length).fill(length);
      const [expected, results] = [threeKeys(), threeKeys()];
      kdf(byHmac, key, input, ...expected);
      provider.kdf(key, input, ...results);
      expect(results).toEqual(expected);
    }
  });

  check('kdf, if there is one: may write over its key and its input', (provider) => {
    if (!provider.kdf) return;
    const [key, input] = [new Uint8Array(32).fill(3), new Uint8Array(32).fill(4)];
    const expected = threeKeys();
    provider.kdf(key, input, ...expected);
    const third = new Uint8Array(32);
    provider.kdf(key, input, key, input, third);
    expect([key, input, third]).toEqual(expected);
  });

  check('hash, mac, hmac: write into the middle of a larger buffer', (provider) => {
    const input = new Uint8Array(40).fill(5);
    const key = new Uint8Array(32).fill(6);
    for (const [length, write] of [
      [32, (out: Uint8Array) => provider.hash(out, input)],
      [16, (out: Uint8Array) => provider.mac(out, key, input)],
      [32, (out: Uint8Array) => provider.hmac(out, key, input)],
    ] as const) {
      const expected = new Uint8Array(length);
      write(expected);
      const buffer = new Uint8Array(64).fill(0xee);
      write(buffer.subarray(3, 3 + length));
      expect(buffer.slice(3, 3 + length)).toEqual(expected);
      expect(buffer.slice(0, 3)).toEqual(new Uint8Array(3).fill(0xee));
      expect(buffer.slice(3 + length)).toEqual(new Uint8Array(61 - length).fill(0xee));
    }
  });
}

function threeKeys(): [Uint8Array, Uint8Array, Uint8Array] {
  return [new Uint8Array(32), new Uint8Array(32), new Uint8Array(32)];
}

function optionalHex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && toHex(bytes);
}

interface XdhTest {
  tcId: number;
  public: string;
  private: string;
  shared: string;
}

interface Rfc7748 {
  tests: { scalar: string; u: string; result: string }[];
  iterated: { start: string; rounds: number; result: string }[];
  lowOrder: string[];
}

interface HashTest {
  input: string;
  hash: string;
}

interface KdfTest {
  key: string;
  input: string;
  outputs: string[];
}

interface Blake2sTable {
  hash: HashTest[];
  mac: { key: string; input: string; mac: string }[];
  hmac: { key: string; input: string; hmac: string }[];
}
