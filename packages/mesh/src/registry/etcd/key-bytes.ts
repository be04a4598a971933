/**
 * Keys of etcd as bytes.
 *
 * @module
 */

/** Returns the text in UTF-8. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Returns the first key after all keys with the prefix. */
export function prefixEnd(prefix: string): Uint8Array {
  const end = bytesOf(prefix);
  end[end.length - 1]!++;
  return end;
}
