/**
 * Keys in hexadecimal, as the cross-platform protocol has them. For base64, `@litz/core` has the parsers.
 *
 * @module
 */
import { KEY_LENGTH } from '@litz/core/internals';

/** 32 new bytes; undefined for anything but 64 hexadecimal digits. */
export function keyFromHex(text: string): Uint8Array | undefined {
  if (text.length !== KEY_LENGTH * 2 || !/^[0-9a-f]+$/i.test(text)) return undefined;
  return Uint8Array.from({ length: KEY_LENGTH }, (_, i) =>
    Number.parseInt(text.slice(i * 2, i * 2 + 2), 16),
  );
}

/** 64 lower-case digits. */
export function keyToHex(key: Uint8Array): string {
  return Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A key of zeros is how the protocol says "none". */
export function isZeroKey(key: Uint8Array): boolean {
  return key.every((byte) => byte === 0);
}
