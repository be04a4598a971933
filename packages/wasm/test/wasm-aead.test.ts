import { fromHex, readVectors, toHex } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { WasmArena } from '../src/index.ts';
import { WasmAead } from '../src/wasm-aead.ts';
import { BUILDS } from './builds.ts';

interface Test {
  name: string;
  key: string;
  nonce: string;
  auth: string;
  plain: string;
  sealed: string;
  valid: boolean;
}

// These tests call `WasmAead` itself, because their nonces are any 12 bytes and a provider takes
// only WireGuard's nonces.
const tests: Test[] = [...rfc8439(), ...wycheproof()];

describe.each(BUILDS)('WasmAead, %s', (build) => {
  const aead = new WasmAead(WasmArena.createSync({ build }));

  test('seals as RFC 8439 and Wycheproof do', () => {
    for (const { name, key, nonce, auth, plain, sealed, valid } of tests) {
      if (!valid) continue;
      const result = aead.seal(fromHex(key), fromHex(nonce), fromHex(plain), fromHex(auth));
      expect({ name, sealed: toHex(result) }).toEqual({ name, sealed });
    }
  });

  test('opens and refuses the messages of RFC 8439 and Wycheproof', () => {
    for (const { name, key, nonce, auth, plain, sealed, valid } of tests) {
      const result = aead.open(fromHex(key), fromHex(nonce), fromHex(sealed), fromHex(auth));
      const opened = result && toHex(result);
      expect({ name, opened }).toEqual({ name, opened: valid ? plain : undefined });
    }
  });

  test('refuses keys and nonces of a wrong length, and texts that do not fit', () => {
    const [key, nonce, text] = [32, 12, 20].map((length) => new Uint8Array(length));
    expect(() => aead.seal(text, nonce, text, text)).toThrow('"key" expected 32 bytes, got 20');
    expect(() => aead.open(key, text, text, text)).toThrow(
      '"nonce" expected 12 or 24 bytes, got 20',
    );
    expect(() => aead.seal(key, nonce, new Uint8Array(70_000), text)).toThrow(RangeError);
    expect(() => aead.open(key, nonce, text, new Uint8Array(70_000))).toThrow(RangeError);
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
