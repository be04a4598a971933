import { describe, expect, it } from 'vitest';
import { wipe } from '../../src/crypto/wipe.ts';

describe('wipe', () => {
  it('overwrites all arguments and ignores undefined', () => {
    const [a, b] = [new Uint8Array(4).fill(1), new Uint8Array(5).fill(2)];
    wipe(a, undefined, b);
    expect([...a, ...b]).toEqual(Array(9).fill(0));
  });

  it('overwrites a view but not the bytes around it', () => {
    const buffer = new Uint8Array(6).fill(3);
    wipe(buffer.subarray(1, 4));
    expect([...buffer]).toEqual([3, 0, 0, 0, 3, 3]);
  });
});
