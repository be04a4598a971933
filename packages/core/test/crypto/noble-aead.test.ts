import { chacha20 } from '@noble/ciphers/chacha.js';
import { fromHex, readVectors, toHex } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { openInPlace, sealInPlace } from '../../src/crypto/noble-aead.ts';

interface Test {
  name: string;
  key: string;
  nonce: string;
  auth: string;
  plain: string;
  sealed: string;
  valid: boolean;
}

// WireGuard never uses the nonces of these vectors, so a provider does not accept them. The tests
// call the functions that the provider calls.
const tests: Test[] = [...rfc8439(), ...wycheproof()];

describe('sealInPlace', () => {
  it('agrees with RFC 8439 and Wycheproof', () => {
    for (const { name, key, nonce, auth, plain, sealed, valid } of tests) {
      if (!valid) continue;
      const data = fromHex(plain);
      const tag = new Uint8Array(16);
      sealInPlace(chacha20, fromHex(key), fromHex(nonce), data, tag, fromHex(auth));
      expect({ name, sealed: toHex(data) + toHex(tag) }).toEqual({ name, sealed });
    }
  });
});

describe('openInPlace', () => {
  it('wipes the one-time key of Poly1305, as sealing does', () => {
    const keys: Uint8Array[] = [];
    const stream = ((...all: Parameters<typeof chacha20>) => {
      const out = chacha20(...all);
      // Only the call that makes a one-time key has no output argument.
      if (all[3] === undefined) keys.push(out);
      return out;
    }) as typeof chacha20;
    const [key, nonce, auth] = [new Uint8Array(32).fill(1), new Uint8Array(12), new Uint8Array(0)];
    const [data, tag] = [new Uint8Array(8), new Uint8Array(16)];
    sealInPlace(stream, key, nonce, data, tag, auth);
    expect(openInPlace(stream, key, nonce, data, tag, auth)).toBe(true);
    expect(openInPlace(stream, key, nonce, data, new Uint8Array(16), auth)).toBe(false);
    expect(keys.map((key) => key.some((byte) => byte !== 0))).toEqual([false, false, false]);
  });

  it('agrees with RFC 8439 and Wycheproof', () => {
    for (const { name, key, nonce, auth, plain, sealed, valid } of tests) {
      const bytes = fromHex(sealed);
      const data = bytes.slice(0, -16);
      const tag = bytes.slice(-16);
      const opened = openInPlace(chacha20, fromHex(key), fromHex(nonce), data, tag, fromHex(auth));
      const left = valid ? plain : sealed.slice(0, -32);
      expect({ name, opened, left: toHex(data) }).toEqual({ name, opened: valid, left });
    }
  });

  it('creates no Error for a wrong tag', () => {
    const captured = countErrors(() => {
      const [key, nonce, data] = [new Uint8Array(32), new Uint8Array(12), new Uint8Array(64)];
      const opened = openInPlace(chacha20, key, nonce, data, new Uint8Array(16), new Uint8Array(0));
      expect(opened).toBe(false);
    });
    expect(captured).toBe(0);
  });
});

function rfc8439(): Test[] {
  const file = readVectors('rfc/rfc8439.json') as { tests: (Test & { section: string })[] };
  return file.tests.map((test) => ({ ...test, name: `section ${test.section}`, valid: true }));
}

function wycheproof(): Test[] {
  const file = readVectors('wycheproof/chacha20-poly1305.json') as {
    testGroups: { ivSize: number; tests: Record<string, string>[] }[];
  };
  return file.testGroups
    .filter(({ ivSize }) => ivSize === 96)
    .flatMap(({ tests }) => tests)
    .map(({ tcId, key = '', iv = '', aad = '', msg = '', ct = '', tag = '', result }) => ({
      name: `tcId ${tcId}`,
      key,
      nonce: iv,
      auth: aad,
      plain: msg,
      sealed: ct + tag,
      valid: result === 'valid',
    }));
}

/** Returns how many times `run` calls `new Error`. */
function countErrors(run: () => void): number {
  const { Error: original } = globalThis;
  let count = 0;
  globalThis.Error = new Proxy(original, {
    construct(target, args, newTarget) {
      count++;
      return Reflect.construct(target, args, newTarget) as object;
    },
  });
  try {
    run();
  } finally {
    globalThis.Error = original;
  }
  return count;
}
