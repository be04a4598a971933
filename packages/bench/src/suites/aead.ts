/**
 * `aeadSuite`: measures the AEAD of transport messages: seal and open in place, at four packet
 * lengths.
 *
 * @module
 */
import { nobleProvider, type Cipher } from '@litz/core';
import { check, checkEqual, type Case, type MissingCase } from './case.ts';
import type { Candidate } from './providers.ts';

/** Lengths in bytes: a small packet, a medium one, a full one, and a jumbo frame. */
export const AEAD_LENGTHS: readonly number[] = [64, 576, 1420, 9000];

/** Returns the cases of all candidates. */
export function aeadSuite(candidates: readonly Candidate[]): (Case | MissingCase)[] {
  return AEAD_LENGTHS.flatMap((length) => [
    ...candidates.map((candidate) => aeadCase('seal', length, candidate)),
    ...candidates.map((candidate) => aeadCase('open', length, candidate)),
  ]);
}

function aeadCase(
  what: 'seal' | 'open',
  length: number,
  { name: subject, primitives, missing, memory }: Candidate,
): Case | MissingCase {
  const figure = `AEAD ${what}, ${length} B`;
  const cipher = primitives?.createCipher?.(KEY);
  if (!cipher) return { figure, subject, missing: missing ?? 'it has no such function' };
  const slots = new Slots(length, memory);
  const common = { figure, subject, operations: SLOTS, check: () => checkCipher(cipher, length) };
  if (what === 'seal') return { ...common, run: () => slots.seal(cipher) };
  slots.seal(nobleProvider.createCipher(KEY));
  const sealed = slots.buffer.slice();
  // Opening replaces the ciphertext by plaintext, so the ciphertext is copied back before each run.
  const prepare = (): void => slots.buffer.set(sealed);
  return { ...common, prepare, run: () => slots.open(cipher) };
}

/** The packets of one batch of the packet loop, in one buffer. */
class Slots {
  readonly buffer: Uint8Array;
  readonly #length: number;
  readonly #stride: number;

  constructor(length: number, memory: Uint8Array | undefined) {
    this.#length = length;
    this.#stride = (length + TAG_LENGTH + 15) & -16;
    const bytes = SLOTS * this.#stride;
    this.buffer = memory ? memory.subarray(0, bytes) : new Uint8Array(bytes);
  }

  seal(cipher: Cipher): void {
    for (let i = 0; i < SLOTS; i++) {
      cipher.seal(i, this.buffer, i * this.#stride, this.#length);
    }
  }

  open(cipher: Cipher): void {
    for (let i = 0; i < SLOTS; i++) {
      if (!cipher.open(i, this.buffer, i * this.#stride, this.#length)) {
        throw new Error('a packet did not open');
      }
    }
  }
}

function checkCipher(cipher: Cipher, length: number): void {
  const reference = nobleProvider.createCipher(KEY);
  for (const counter of [0, 1, 0xffff_ffff, 2 ** 40 + 7]) {
    const plain = Uint8Array.from({ length: length + TAG_LENGTH }, (_, i) => i * 7);
    const sealed = plain.slice();
    const expected = plain.slice();
    cipher.seal(counter, sealed, 0, length);
    reference.seal(counter, expected, 0, length);
    checkEqual('sealed', sealed, expected);
    check('opens', cipher.open(counter, sealed, 0, length));
    checkEqual('opened', sealed.subarray(0, length), plain.subarray(0, length));
    expected[length >> 1]! ^= 1;
    check('refuses', !cipher.open(counter, expected, 0, length));
  }
}

const KEY: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => i);
const SLOTS = 64;
const TAG_LENGTH = 16;
