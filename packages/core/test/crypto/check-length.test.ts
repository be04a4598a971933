import { describe, expect, it } from 'vitest';
import { checkLength } from '../../src/crypto/check-length.ts';

describe('checkLength', () => {
  it('accepts bytes of the expected length', () => {
    expect(() => checkLength('key', new Uint8Array(32), 32)).not.toThrow();
    expect(() => checkLength('nothing', new Uint8Array(0), 0)).not.toThrow();
  });

  it('refuses more and fewer bytes, and names the argument', () => {
    for (const length of [0, 31, 33]) {
      expect(() => checkLength('key', new Uint8Array(length), 32)).toThrow(
        new RangeError(`"key" expected 32 bytes, got ${length}`),
      );
    }
  });

  it('refuses anything but a Uint8Array, even of the same length', () => {
    for (const [value, type] of [
      ['a'.repeat(32), 'string'],
      [Array(32).fill(0), 'object'],
      [undefined, 'undefined'],
    ] as const) {
      expect(() => checkLength('key', value as unknown as Uint8Array, 32)).toThrow(
        new TypeError(`"key" expected a Uint8Array, got ${type}`),
      );
    }
  });
});
