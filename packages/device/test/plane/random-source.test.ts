import { describe, expect, it } from 'vitest';
import { createRandomBytes } from '../../src/plane/random-source.ts';

describe('createRandomBytes', () => {
  it.each([16, 32, 4000, 4096, 4097, 70_000])('fills %i bytes, differently each time', (length) => {
    const randomBytes = createRandomBytes();
    const seen = new Set<string>();
    for (let i = 0; i < 10; i++) {
      const out = new Uint8Array(length);
      randomBytes(out);
      seen.add(Buffer.from(out).toString('hex'));
    }
    expect(seen.size).toBe(10);
  });

  it('never hands out bytes that it handed out before', () => {
    const randomBytes = createRandomBytes();
    const seen = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      const out = new Uint8Array(24);
      randomBytes(out);
      seen.add(Buffer.from(out).toString('hex'));
    }
    expect(seen.size).toBe(1000);
  });
});
