import { nobleProvider, type Cipher, type CryptoProvider, type OneTimeKeys } from '@litz/core';
import { copyCipherProvider, describeCryptoProvider } from '@litz/testkit';
import { wasmProvider } from '@litz/wasm';
import { describe, expect, it } from 'vitest';
import { hybridProvider } from '../../src/provider/hybrid-provider.ts';

describeCryptoProvider('noble and wasm by turns', () =>
  hybridProvider(nobleProvider, wasmProvider(), 192),
);

describe('hybridProvider', () => {
  it('uses one provider for messages up to the limit, and the other for longer ones', () => {
    const hybrid = hybridProvider(nobleProvider, copyCipherProvider(nobleProvider), 100);
    const cipher = hybrid.createCipher(new Uint8Array(32));
    for (const [length, isCopied] of [
      [0, true],
      [1, true],
      [100, true],
      [101, false],
      [1420, false],
    ] as const) {
      const buffer = new Uint8Array(1500).fill(1);
      cipher.seal(0, buffer, 0, length);
      expect(buffer.subarray(0, length).every((byte) => byte === 1)).toBe(isCopied);
      expect(cipher.open(0, buffer, 0, length)).toBe(true);
    }
    expect(hybrid.name).toMatch(/^noble\+/);
  });

  it('seals a run with the provider for its length, in one call if this provider can seal runs', () => {
    const calls: unknown[] = [];
    const short = providerOf({
      seal: (counter, _buffer, offset) => calls.push(['short', counter, offset]),
    });
    const long = providerOf({
      seal: () => calls.push('one by one'),
      sealRun: (counter, _buffer, ...run) => calls.push(['long', counter, ...run]),
    });
    const cipher = hybridProvider(long, short, 100).createCipher(new Uint8Array(32));
    const buffer = new Uint8Array(1024);
    cipher.sealRun?.(7, buffer, 64, 100, 256, 3);
    cipher.sealRun?.(10, buffer, 64, 101, 256, 3);
    expect(calls).toEqual([
      ['short', 7, 64],
      ['short', 8, 320],
      ['short', 9, 576],
      ['long', 10, 64, 101, 256, 3],
    ]);
  });

  it('passes the one-time keys of the short provider to the long one, whose cipher is destroyed first', () => {
    const events: unknown[] = [];
    const oneTimeKeys: OneTimeKeys = { words: new Int32Array(8), locate: () => 0 };
    const short = providerOf({ oneTimeKeys, destroy: () => events.push('short') });
    const long = {
      ...nobleProvider,
      createCipher(key: Uint8Array, lent?: OneTimeKeys): Cipher {
        events.push(lent);
        return providerOf({ destroy: () => events.push('long') }).createCipher(key);
      },
    };
    const cipher = hybridProvider(long, short, 100).createCipher(new Uint8Array(32));
    cipher.seal(0, new Uint8Array(200), 0, 101);
    cipher.destroy();
    expect(events).toEqual([oneTimeKeys, 'long', 'short']);
  });

  it('creates the cipher for long messages only once, for the first long message, and destroys it', () => {
    const made: Uint8Array[] = [];
    let destroyed = 0;
    const counting: CryptoProvider = {
      ...nobleProvider,
      createCipher(key) {
        made.push(key.slice());
        return { ...cipherOf(key), destroy: () => void destroyed++ };
      },
    };
    const key = new Uint8Array(32).fill(7);
    const cipher = hybridProvider(counting, wasmProvider(), 100).createCipher(key);
    // The caller may overwrite its key, because the cipher has a copy.
    key.fill(0);
    cipher.seal(0, new Uint8Array(200), 0, 100);
    expect(made).toEqual([]);
    for (const counter of [1, 2]) cipher.seal(counter, new Uint8Array(200), 0, 101);
    expect(made).toEqual([new Uint8Array(32).fill(7)]);
    cipher.destroy();
    expect(destroyed).toBe(1);
  });

  it('creates no cipher after it is destroyed', () => {
    const cipher = hybridProvider(nobleProvider, wasmProvider(), 100).createCipher(
      new Uint8Array(32),
    );
    cipher.destroy();
    // The cipher must not seal with the zeros that have replaced its key, either.
    for (const length of [100, 101]) {
      const open = (): boolean => cipher.open(0, new Uint8Array(200), 0, length);
      const seal = (): void => cipher.seal(0, new Uint8Array(200), 0, length);
      expect(open).toThrow(new TypeError('the cipher was destroyed'));
      expect(seal).toThrow(new TypeError('the cipher was destroyed'));
      const sealRun = (): void => cipher.sealRun?.(0, new Uint8Array(1024), 64, length, 256, 3);
      expect(sealRun).toThrow(new TypeError('the cipher was destroyed'));
    }
  });
});

function providerOf(change: Partial<Cipher>): CryptoProvider {
  const createCipher = (key: Uint8Array): Cipher => {
    const cipher = nobleProvider.createCipher(key);
    return {
      seal: (...place) => cipher.seal(...place),
      open: (...place) => cipher.open(...place),
      destroy: () => cipher.destroy(),
      ...change,
    };
  };
  return { ...nobleProvider, createCipher };
}

function cipherOf(key: Uint8Array): Cipher {
  const cipher = nobleProvider.createCipher(key);
  return {
    seal: (counter, buffer, offset, length) => cipher.seal(counter, buffer, offset, length),
    open: (counter, buffer, offset, length) => cipher.open(counter, buffer, offset, length),
    destroy: () => cipher.destroy(),
  };
}
