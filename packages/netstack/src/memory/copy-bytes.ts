/**
 * `copyBytes`: copies bytes between two buffers without a new view where that is possible.
 *
 * @module
 */

/**
 * Copies `length` bytes. Within one buffer, and for few bytes, it allocates nothing. For many bytes
 * between two buffers it makes one view, which is the fastest way.
 */
// oxlint-disable-next-line max-params -- an object would be allocated for each segment
export function copyBytes(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  length: number,
): void {
  if (source === target) target.copyWithin(to, from, from + length);
  else if (length > FEW) target.set(source.subarray(from, from + length), to);
  else for (let i = 0; i < length; i++) target[to + i] = source[from + i];
}

/** Up to this length a loop is faster than a view and a call. */
const FEW = 64;
