import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyFromHex, keyToHex } from '../../src/text/hex-key.ts';
import { RUNS } from '../keys.ts';

describe('keyFromHex', () => {
  it('reads what keyToHex writes, in either case', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        expect(keyFromHex(keyToHex(key))).toEqual(key);
        expect(keyFromHex(keyToHex(key).toUpperCase())).toEqual(key);
      }),
      { numRuns: RUNS },
    );
  });

  it.each(['', '00', 'g'.repeat(64), '0'.repeat(63), '0'.repeat(65), `${'0'.repeat(63)}\n`])(
    'refuses %j',
    (text) => {
      expect(keyFromHex(text)).toBeUndefined();
    },
  );
});
