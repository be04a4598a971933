import { afterEach, describe, expect, it, vi } from 'vitest';
import { formatKey, generateKeyPair, nobleProvider, publicKeyOf } from '../src/index.ts';

afterEach(() => vi.unstubAllGlobals());

describe('generateKeyPair', () => {
  it('makes two halves that belong together, and others each time', () => {
    const [a, b] = [generateKeyPair(), generateKeyPair()];
    expect(a.publicKey).toEqual(publicKeyOf(a.privateKey, nobleProvider));
    expect(formatKey(a.privateKey)).not.toBe(formatKey(b.privateKey));
    // RFC 7748 section 5: clamped.
    expect([a.privateKey[0] & 7, a.privateKey[31] & 0xc0]).toEqual([0, 0x40]);
  });

  it('takes random bytes and cryptography from whom it is told to', () => {
    const publicKey = new Uint8Array(32).fill(9);
    const pair = generateKeyPair({
      randomBytes: (out) => out.fill(1),
      crypto: { ...nobleProvider, dhPublicKey: () => publicKey },
    });
    expect(pair.privateKey[5]).toBe(1);
    expect([...pair.publicKey]).toEqual([...publicKey]);
  });

  it('says what is missing where there is no source of randomness', () => {
    vi.stubGlobal('crypto', undefined);
    expect(() => generateKeyPair()).toThrow('"randomBytes" expected a function');
    expect(() => generateKeyPair()).toThrow(
      expect.objectContaining({ code: 'ERR_LITZ_UNSUPPORTED_PLATFORM' }),
    );
  });
});
