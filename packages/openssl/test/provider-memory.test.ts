import { nobleProvider, type CryptoProvider } from '@litz/core';
import { describeWith, requirement } from '@litz/testkit';
import { beforeEach, expect, it, vi } from 'vitest';
import type { LibCrypto } from '../src/libcrypto.ts';
import { createOpensslProvider } from '../src/index.ts';

/** Objects of OpenSSL's that were made and not given back, by what they are and their address. */
const living = new Map<string, number>();
/** A function of the library that finds nothing. */
let missing: { name: keyof LibCrypto; algorithm?: string } | undefined;
/** A function that the library has not. */
let absent: keyof LibCrypto | undefined;
/** Of contexts with other data than OpenSSL gave them, what that was. */
const theirData = new Map<number, number>();
/** How many of them were given back so. */
let freedWithOurs = 0;
const FAULTS = [
  'small state',
  'state of its own',
  'EVP_CipherInit_ex',
  'EVP_EncryptInit',
  'key where it is expected',
  'EVP_Cipher',
  'key stream',
  'second key stream',
] as const;
/** What the library does otherwise with a copied method. */
let broken: (typeof FAULTS)[number] | undefined;

vi.mock(import('../src/libcrypto.ts'), async (original) => {
  const { libcrypto } = await original();
  return {
    libcrypto: () => {
      const crypto = watched(withBrokenCopies(libcrypto()));
      return absent ? { ...crypto, [absent]: undefined } : crypto;
    },
  };
});

const openssl = requirement("Node's own OpenSSL", () => createOpensslProvider().destroy?.());

beforeEach(() => {
  living.clear();
  theirData.clear();
  freedWithOurs = 0;
  missing = undefined;
  absent = undefined;
  broken = undefined;
});

describeWith([openssl], 'An OpenSSL provider', () => {
  it('has nothing of OpenSSL after it was destroyed, whatever was done with it', () => {
    const provider = createOpensslProvider();
    expect(living.size).toBeGreaterThan(0);
    useAll(provider);
    provider.destroy?.();
    provider.destroy?.();
    expect([...living]).toEqual([]);
    expect(freedWithOurs).toBe(0);
  });

  it('has nothing of it either when it cannot be made', () => {
    for (const [name, algorithm] of [
      ['EVP_CIPHER_fetch', 'ChaCha20'],
      ['EVP_MAC_fetch', 'POLY1305'],
      ['EVP_MAC_fetch', 'BLAKE2SMAC'],
      ['EVP_PKEY_CTX_new_from_name', 'X25519'],
    ] as const) {
      missing = { name, algorithm };
      // Only where no method can be copied is one asked for.
      if (algorithm === 'ChaCha20') broken = 'small state';
      expect(() => createOpensslProvider()).toThrow(/this OpenSSL has no/);
      expect([...living]).toEqual([]);
      expect(freedWithOurs).toBe(0);
      broken = undefined;
    }
  });

  it('lets its ciphers live on, and has nothing after the last of them', () => {
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

  it('seals the same where no method can be copied', () => {
    missing = { name: 'EVP_CIPHER_meth_dup' };
    const provider = createOpensslProvider();
    expectToSeal(provider);
    provider.destroy?.();
    expect([...living]).toEqual([]);
  });

  it.each([
    'EVP_CIPHER_meth_dup',
    'EVP_CIPHER_meth_free',
    'EVP_CIPHER_impl_ctx_size',
    'EVP_CIPHER_CTX_get0_cipher',
    'EVP_CIPHER_CTX_set_cipher_data',
  ] as const)('seals the same where there is no %s', (name) => {
    absent = name;
    const provider = createOpensslProvider();
    expect(copies()).toEqual([]);
    expectToSeal(provider);
    provider.destroy?.();
    expect([...living]).toEqual([]);
  });

  it('keeps a copied method that works, and one context for all keys', () => {
    const provider = createOpensslProvider();
    expect(copies()).toHaveLength(1);
    const before = contexts();
    const ciphers = [1, 2].map((i) => provider.createCipher(new Uint8Array(32).fill(i)));
    expect(contexts()).toEqual(before);
    for (const cipher of ciphers) cipher.destroy();
    provider.destroy?.();
  });

  it.each(FAULTS)(
    'seals the same where a copied method has no %s, and gives the copy back',
    (name) => {
      broken = name;
      const provider = createOpensslProvider();
      expect(copies()).toEqual([]);
      expectToSeal(provider);
      provider.destroy?.();
      expect([...living]).toEqual([]);
      expect(freedWithOurs).toBe(0);
    },
  );

  it('cannot be used any more', () => {
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

function copies(): string[] {
  return [...living.keys()].filter((key) => key.startsWith('EVP_CIPHER_meth '));
}

function contexts(): string[] {
  return [...living.keys()].filter((key) => key.startsWith('EVP_CIPHER_CTX '));
}

function expectToSeal(provider: CryptoProvider): void {
  const key = new Uint8Array(32).fill(3);
  const [cipher, noble] = [provider.createCipher(key), nobleProvider.createCipher(key)];
  for (const length of [0, 1, 100, 1420]) {
    const [sealed, expected] = [new Uint8Array(length + 16), new Uint8Array(length + 16)];
    cipher.seal(length, sealed, 0, length);
    noble.seal(length, expected, 0, length);
    expect(sealed).toEqual(expected);
  }
  cipher.destroy();
}

/** The library; what is `broken` fails, or does nothing, where a copied method is used. */
function withBrokenCopies(crypto: LibCrypto): LibCrypto {
  const copies = new Set<number>();
  const copying = new Set<number>();
  let streams = 0;
  return {
    ...crypto,
    EVP_CIPHER_meth_dup: (cipher) => {
      const copy = crypto.EVP_CIPHER_meth_dup!(cipher);
      copies.add(copy);
      return copy;
    },
    EVP_CIPHER_impl_ctx_size: (cipher) =>
      broken === 'small state' ? 257 : crypto.EVP_CIPHER_impl_ctx_size!(cipher),
    EVP_CIPHER_CTX_get0_cipher: (context) =>
      broken === 'state of its own' ? 1 : crypto.EVP_CIPHER_CTX_get0_cipher!(context),
    EVP_CipherInit_ex: (context, type, ...rest) => {
      if (copies.has(type)) copying.add(context);
      else copying.delete(context);
      streams = 0;
      if (broken === 'EVP_CipherInit_ex' && copying.has(context)) return 0;
      return crypto.EVP_CipherInit_ex(context, type, ...rest);
    },
    EVP_EncryptInit: (context, ...rest) => {
      if (broken === 'EVP_EncryptInit' && copying.has(context)) return 0;
      if (broken === 'key where it is expected' && copying.has(context)) return 1;
      return crypto.EVP_EncryptInit(context, ...rest);
    },
    EVP_Cipher: (context, ...rest) => {
      if (broken === 'EVP_Cipher' && copying.has(context)) return 0;
      if (broken === 'key stream' && copying.has(context)) return 1;
      if (broken === 'second key stream' && copying.has(context) && ++streams === 2) return 1;
      return crypto.EVP_Cipher(context, ...rest);
    },
  };
}

/** The library; what it makes and takes back is written down. */
function watched(crypto: LibCrypto): LibCrypto {
  const functions = Object.entries(crypto).map(([name, call]) => [
    name,
    (...args: unknown[]): unknown => {
      const { name: missed, algorithm = args[0] } = missing ?? {};
      if (missed === name && args.includes(algorithm)) return 0;
      const result = (call as (...all: unknown[]) => unknown)(...args);
      if (/_(fetch|new|new_.*|dup)$/.test(name)) count(name, result as number, 1);
      if (name.endsWith('_free')) count(name, args[0] as number, -1);
      const [context, data] = args as [number, number];
      if (name === 'EVP_CIPHER_CTX_set_cipher_data') followData(context, data, result as number);
      if (name === 'EVP_CIPHER_CTX_free' && theirData.delete(context)) freedWithOurs++;
      return result;
    },
  ]);
  return Object.fromEntries(functions) as LibCrypto;
}

function followData(context: number, data: number, before: number): void {
  if (before === 0) throw new Error('a context without data');
  if (theirData.get(context) === data) theirData.delete(context);
  else if (!theirData.has(context)) theirData.set(context, before);
}

/** Fetched twice, an algorithm has one address and is to be freed twice. */
function count(name: string, pointer: number, step: 1 | -1): void {
  if (pointer === 0) return;
  const kind = name.replace(/_(fetch|new|new_.*|dup|free)$/, '');
  const key = `${kind} ${pointer}`;
  // What a private key is imported to is handed out through a pointer, and given back at once.
  if (step < 0 && kind === 'EVP_PKEY' && !living.has(key)) return;
  const left = (living.get(key) ?? 0) + step;
  if (left === 0) living.delete(key);
  else living.set(key, left);
}
