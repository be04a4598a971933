/**
 * `hybridProvider`: two providers of the same primitives, each for the packets that it is faster with.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';

/**
 * Everything is `long`'s but transport messages of up to `shortLength` bytes, which are `short`'s. They
 * make the same bytes, so a session may use both. What `short` has of one-time keys is lent to `long`.
 */
export function hybridProvider(
  long: CryptoProvider,
  short: CryptoProvider,
  shortLength: number,
): CryptoProvider {
  return {
    ...long,
    name: `${long.name}+${short.name}`,
    destroy() {
      long.destroy?.();
      short.destroy?.();
    },
    createCipher(key) {
      // First the one that holds nothing but memory of its own.
      const ofShort = short.createCipher(key);
      const ofLong = long.createCipher(key, ofShort.oneTimeKeys);
      return {
        seal(counter, buffer, offset, length) {
          if (length <= shortLength) ofShort.seal(counter, buffer, offset, length);
          else ofLong.seal(counter, buffer, offset, length);
        },
        open(counter, buffer, offset, length) {
          return length <= shortLength
            ? ofShort.open(counter, buffer, offset, length)
            : ofLong.open(counter, buffer, offset, length);
        },
        destroy() {
          ofLong.destroy();
          ofShort.destroy();
        },
      };
    },
  };
}
