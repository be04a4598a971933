import type { CryptoProvider } from '@litz/core';
import { describeWith, requirement } from '@litz/testkit';
import { beforeEach, expect, it, vi } from 'vitest';
import type { LibCrypto } from '../src/libcrypto.ts';
import { createOpensslProvider } from '../src/index.ts';

/** How many objects of OpenSSL were made and not freed, by kind and address. */
const living = new Map<string, number>();
/**
 * The function of the library that must fail, and the algorithm for which it must fail. If this is
 * undefined, no function fails.
 */
let missing: { name: keyof LibCrypto; algorithm?: string } | undefined;

vi.mock(import('../src/libcrypto.ts'), async (original) => {
  const { libcrypto } = await original();
  return { libcrypto: () => watched(libcrypto()) };
});

const openssl = requirement("Node's own OpenSSL", () => createOpensslProvider().destroy?.());

beforeEach(() => {
  living.clear();
  missing = undefined;
});

describeWith([openssl], 'createOpensslProvider', () => {
  it('frees all its objects when the provider is destroyed, after any use', () => {
    const provider = createOpensslProvider();
    expect(living.size).toBeGreaterThan(0);
    useAll(provider);
    provider.destroy?.();
    provider.destroy?.();
    expect([...living]).toEqual([]);
  });

  it.each([
    ['EVP_CIPHER_fetch', 'ChaCha20'],
    ['EVP_MAC_fetch', 'POLY1305'],
    ['EVP_MAC_fetch', 'BLAKE2SMAC'],
    ['EVP_PKEY_CTX_new_from_name', 'X25519'],
  ] as const)('frees all its objects when %s does not find %s', (name, algorithm) => {
    missing = { name, algorithm };
    expect(() => createOpensslProvider()).toThrow(/this OpenSSL has no/);
    expect([...living]).toEqual([]);
  });

  it('lets its ciphers work after it is destroyed, and frees all objects with the last cipher', () => {
    const provider = createOpensslProvider();
    const ciphers = [1, 2].map((i) => provider.createCipher(new Uint8Array(32).fill(i)));
    provider.destroy?.();
    for (const cipher of ciphers) {
      const buffer = new Uint8Array(64);
      cipher.seal(0, buffer, 0, 32);
      expect(cipher.open(0, buffer, 0, 32)).toBe(true);
      expect(living.size).toBeGreaterThan(0);
      cipher.destroy();
      cipher.destroy();
    }
    expect([...living]).toEqual([]);
  });

  it('frees the context of a cipher with the cipher', () => {
    const provider = createOpensslProvider();
    const before = [...living.keys()];
    const cipher = provider.createCipher(new Uint8Array(32));
    expect(living.size).toBe(before.length + 1);
    cipher.destroy();
    expect([...living.keys()]).toEqual(before);
    provider.destroy?.();
  });

  it('throws when it is used after it is destroyed', () => {
    const provider = createOpensslProvider();
    provider.destroy?.();
    const key = new Uint8Array(32);
    for (const use of [
      () => provider.createCipher(key),
      () => provider.dhPublicKey(key),
      () => provider.mac(new Uint8Array(16), key, key),
      () => provider.aeadSeal(key, 0, key, key),
    ]) {
      expect(use).toThrow(/destroyed/);
    }
  });
});

function useAll(provider: CryptoProvider): void {
  const key = new Uint8Array(32).fill(1);
  const nonce = new Uint8Array(24);
  provider.dh(key, provider.dhPublicKey(key));
  provider.dh(key, new Uint8Array(32));
  provider.hash(new Uint8Array(32), key);
  provider.mac(new Uint8Array(16), key, key);
  provider.hmac(new Uint8Array(32), key, key);
  provider.aeadOpen(key, 0, provider.aeadSeal(key, 0, key, key), key);
  provider.aeadOpen(key, 0, new Uint8Array(40), key);
  provider.xaeadOpen(key, nonce, provider.xaeadSeal(key, nonce, key, key), key);
  provider.createCipher(key).destroy();
}

/** Returns the library with functions that count the objects which they make and free. */
function watched(crypto: LibCrypto): LibCrypto {
  const functions = Object.entries(crypto).map(([name, call]) => [
    name,
    (...args: unknown[]): unknown => {
      const { name: missed, algorithm = args[0] } = missing ?? {};
      if (missed === name && args.includes(algorithm)) return 0;
      const result = (call as (...all: unknown[]) => unknown)(...args);
      if (/_(fetch|new|new_.*)$/.test(name)) count(name, result as number, 1);
      if (name.endsWith('_free')) count(name, args[0] as number, -1);
      return result;
    },
  ]);
  return Object.fromEntries(functions) as LibCrypto;
}

/** An algorithm that is fetched twice has one address and must be freed twice. */
function count(name: string, pointer: number, step: 1 | -1): void {
  if (pointer === 0) return;
  const kind = name.replace(/_(fetch|new|new_.*|free)$/, '');
  const key = `${kind} ${pointer}`;
  // A private key is imported into an object that is returned through a pointer, so that object was
  // not counted.
  if (step < 0 && kind === 'EVP_PKEY' && !living.has(key)) return;
  const left = (living.get(key) ?? 0) + step;
  if (left === 0) living.delete(key);
  else living.set(key, left);
}
