import { describeCryptoProvider } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { nobleProvider } from '../../src/crypto/noble.ts';

describeCryptoProvider('noble', () => nobleProvider);

describe('nobleProvider', () => {
  it('has the name for logs and results', () => {
    expect(nobleProvider.name).toBe('noble');
  });

  it('refuses a cipher key that is not 32 bytes long', () => {
    for (const length of [0, 16, 31, 33]) {
      expect(() => nobleProvider.createCipher(new Uint8Array(length))).toThrow(
        new RangeError(`"key" expected 32 bytes, got ${length}`),
      );
    }
  });

  it('wipes the key of a destroyed cipher, which then seals with a key of zeros', () => {
    const cipher = nobleProvider.createCipher(new Uint8Array(32).fill(1));
    cipher.destroy();
    const buffer = new Uint8Array(20);
    cipher.seal(0, buffer, 0, 4);
    const [key, nothing] = [new Uint8Array(32), new Uint8Array(0)];
    expect(buffer).toEqual(nobleProvider.aeadSeal(key, 0, new Uint8Array(4), nothing));
  });
});
