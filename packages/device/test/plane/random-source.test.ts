import { describe, expect, it } from 'vitest';
import { createRandomBytes } from '../../src/plane/random-source.ts';

describe('createRandomBytes', () => {
  it.each([16, 32, 4000, 4096, 4097, 70_000])(
    'fills %i bytes with different values each time',
    (length) => {
      const randomBytes = createRandomBytes();
      const seen = new Set<string>();
      for (let i = 0; i < 10; i++) {
        const out = new Uint8Array(length);
        randomBytes(out);
        seen.add(Buffer.from(out).toString('hex'));
      }
      expect(seen.size).toBe(10);
    },
  );

  it('wipes its copy of bytes that it returned, and fills a whole block at a time', () => {
    const randomBytes = createRandomBytes();
    const sources = new Set<ArrayBufferLike>();
    const filled: Uint8Array[] = [];
    const take = (length: number): void => {
      const out = new Uint8Array(length);
      out.set = (source) => {
        const part = source as Uint8Array;
        expect(part).toHaveLength(length);
        sources.add(part.buffer);
        filled.push(part);
      };
      randomBytes(out);
    };
    take(4000);
    take(96);
    expect([...filled[0], ...filled[1]].every((byte) => byte === 0)).toBe(true);
    expect(filled.map(({ byteOffset }) => byteOffset)).toEqual([0, 4000]);
    take(4096);
    take(1);
    expect(filled.map(({ byteOffset }) => byteOffset)).toEqual([0, 4000, 0, 0]);
    expect(sources.size).toBe(1);
    // More bytes than a block are written directly into the caller's buffer.
    take(4097);
    expect(filled).toHaveLength(4);
  });

  it('never returns the same bytes twice', () => {
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
