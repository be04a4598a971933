import { nobleProvider } from '@litz/core';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { createBoundedOpen, createParts } from '../src/cipher-parts.ts';
import { createOpensslProvider } from '../src/index.ts';
import { libcrypto } from '../src/libcrypto.ts';

const openssl = requirement("Node's own OpenSSL", () => createOpensslProvider().destroy?.());
const KEY = new Uint8Array(32).fill(3);
const LONGEST = 1500;

describeWith([openssl], 'createBoundedOpen', () => {
  // The texts are whole blocks, end with a partial block, have one byte, or are longer than the
  // texts that are copied. In the fifth case, there are no bytes behind the tag.
  it.each([
    [1408, 64],
    [1420, 64],
    [1, 64],
    [2000, 64],
    [1420, 0],
  ])(
    'opens %i bytes, and leaves the tag and the %i bytes behind it as they are',
    (length, behind) => {
      const { open, close } = create();
      const memory = sealed(length, behind);
      const end = memory.slice(16 + length);
      expect(open(memory, length)).toBe(true);
      expect(memory.subarray(16, 16 + length).every((byte) => byte === 7)).toBe(true);
      expect(memory.subarray(16 + length)).toEqual(end);
      close();
    },
  );

  it('refuses a message whose text was changed, and writes nothing', () => {
    const { open, close } = create();
    const memory = sealed(1420, 64);
    memory[16] ^= 1;
    const before = memory.slice();
    expect(open(memory, 1420)).toBe(false);
    expect(memory).toEqual(before);
    close();
  });
});

function create(): { open: (memory: Uint8Array, length: number) => boolean; close: () => void } {
  const parts = createParts(libcrypto());
  const key = parts.chacha20.createKey(KEY);
  const boundedOpen = createBoundedOpen(parts, LONGEST);
  return {
    open: (memory, length) => boundedOpen(key, undefined, 5, memory, 16, length),
    close: () => parts.chacha20.destroyKey(key),
  };
}

/** Returns a message with the counter 5 at offset 16, and other bytes behind its tag. */
function sealed(length: number, behind: number): Uint8Array {
  const bytes = new Uint8Array(16 + length + 128).fill(7);
  nobleProvider.createCipher(KEY).seal(5, bytes, 16, length);
  const memory = new Uint8Array(new ArrayBuffer(16 + length + 16 + behind)).fill(9);
  memory.set(bytes.subarray(0, 16 + length + 16));
  return memory;
}
