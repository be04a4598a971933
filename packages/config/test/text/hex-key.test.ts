import { parsePrivateKey, WireGuardError } from '@litz/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyFromHex, keyToHex } from '../../src/text/hex-key.ts';
import { RUNS } from '../keys.ts';

describe('keyToHex', () => {
  it('accepts base64, and refuses a value that is not a key', () => {
    const key = Buffer.alloc(32, 0xa7);
    expect(keyToHex(key.toString('base64'))).toBe(key.toString('hex'));
    expect(keyToHex(parsePrivateKey(new Uint8Array(32).fill(0xa8)))).toBe('a8'.repeat(31) + '68');
    expect(() => keyToHex('abc')).toThrow(WireGuardError);
    expect(() => keyToHex(new Uint8Array(31))).toThrow(WireGuardError);
    for (const value of [undefined, null, 5, {}]) {
      expect(() => keyToHex(value as never)).toThrow(TypeError);
    }
  });
});

describe('keyFromHex', () => {
  it('reads the output of keyToHex, in upper and lower case', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        expect(keyFromHex(keyToHex(key))).toEqual(key);
        expect(keyFromHex(keyToHex(key).toUpperCase())).toEqual(key);
      }),
      { numRuns: RUNS },
    );
  });

  it.each(['', '00', 'g'.repeat(64), '0'.repeat(63), '0'.repeat(65), `${'0'.repeat(63)}\n`])(
    'returns undefined for %j',
    (text) => {
      expect(keyFromHex(text)).toBeUndefined();
    },
  );
});
