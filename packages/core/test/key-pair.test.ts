import { afterEach, describe, expect, it, vi } from 'vitest';
import { formatKey, generateKeyPair, nobleProvider, publicKeyOf } from '../src/index.ts';

afterEach(() => vi.unstubAllGlobals());

describe('generateKeyPair', () => {
  it('returns a matching pair, and a new pair each time', () => {
    const [a, b] = [generateKeyPair(), generateKeyPair()];
    expect(a.publicKey).toEqual(publicKeyOf(a.privateKey, nobleProvider));
    expect(formatKey(a.privateKey)).not.toBe(formatKey(b.privateKey));
    // RFC 7748 section 5: clamped.
    expect([a.privateKey[0] & 7, a.privateKey[31] & 0xc0]).toEqual([0, 0x40]);
  });

  it('uses the given random source and the given provider', () => {
    const publicKey = new Uint8Array(32).fill(9);
    const pair = generateKeyPair({
      randomBytes: (out) => out.fill(1),
      crypto: { ...nobleProvider, dhPublicKey: () => publicKey },
    });
    expect(pair.privateKey[5]).toBe(1);
    expect([...pair.publicKey]).toEqual([...publicKey]);
  });

  it('says what is missing if the runtime has no random source', () => {
    vi.stubGlobal('crypto', undefined);
    expect(() => generateKeyPair()).toThrow('"randomBytes" expected a function');
    expect(() => generateKeyPair()).toThrow(
      expect.objectContaining({ code: 'ERR_LITZ_UNSUPPORTED_PLATFORM' }),
    );
  });
});
