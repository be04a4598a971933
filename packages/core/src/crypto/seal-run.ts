/**
 * `sealRun`: many texts, also by ciphers that know of one only.
 *
 * @module
 */
import type { Cipher } from './provider.ts';

/** As `Cipher.sealRun`; text by text, and without need of its room, where the cipher has none. */
export function sealRun(
  cipher: Cipher,
  counter: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  stride: number,
  count: number,
): void {
  if (cipher.sealRun) {
    cipher.sealRun(counter, buffer, offset, length, stride, count);
    return;
  }
  for (let i = 0; i < count; i++) cipher.seal(counter + i, buffer, offset + i * stride, length);
}
