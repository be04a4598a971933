/**
 * `sealRun`: seals many texts with any cipher.
 *
 * @module
 */
import type { Cipher } from './provider.ts';

/**
 * Does what `Cipher.sealRun` describes. If the cipher has no `sealRun`, the texts are sealed one by
 * one, and the space around them is not needed.
 */
// oxlint-disable-next-line max-params -- called per packet: an object would be garbage
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
