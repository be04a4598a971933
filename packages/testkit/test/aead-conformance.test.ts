import { describe, expect, it } from 'vitest';
import { eachBitFlipped } from '../src/aead-conformance.ts';

describe('eachBitFlipped', () => {
  it('calls the function once for each flipped bit, and restores the bytes', () => {
    const bytes = Uint8Array.of(0b1010_0000, 0xff);
    const seen = new Set<string>();
    eachBitFlipped(bytes, () => seen.add(bytes.join()));
    expect(seen.size).toBe(16);
    expect(seen).toContain('161,255');
    expect(bytes).toEqual(Uint8Array.of(0b1010_0000, 0xff));
  });
});
