import { describe, expect, it } from 'vitest';
import type { Cipher } from '../../src/crypto/provider.ts';
import { sealRun } from '../../src/crypto/seal-run.ts';

const BUFFER = new Uint8Array(1000);

describe('sealRun', () => {
  it('seals the texts one by one if the cipher has no sealRun', () => {
    const calls: unknown[][] = [];
    sealRun(cipher(calls), 7, BUFFER, 64, 20, 100, 3);
    expect(calls).toEqual([
      ['seal', 7, BUFFER, 64, 20],
      ['seal', 8, BUFFER, 164, 20],
      ['seal', 9, BUFFER, 264, 20],
    ]);
  });

  it('passes all texts to a cipher that has sealRun', () => {
    const calls: unknown[][] = [];
    const sealsRuns = {
      ...cipher(calls),
      sealRun: (...all: unknown[]) => void calls.push(['sealRun', ...all]),
    };
    sealRun(sealsRuns, 7, BUFFER, 64, 20, 100, 3);
    expect(calls).toEqual([['sealRun', 7, BUFFER, 64, 20, 100, 3]]);
  });
});

/** A cipher that records its calls. */
function cipher(calls: unknown[][]): Cipher {
  return {
    seal: (...all) => void calls.push(['seal', ...all]),
    open: () => false,
    destroy: () => undefined,
  };
}
