/**
 * `hybridProvider`: two providers of the same primitives, each for what it is faster with.
 *
 * @module
 */
import { dhKeyOf, type CryptoProvider } from '@litz/core';

/**
 * X25519 and transport messages of more than `shortLength` bytes are `long`'s: there it takes more time
 * than the calls do. All the rest is `short`'s, hashes and the sealed fields of handshakes among it.
 * They make the same bytes, so a session may use both.
 */
export function hybridProvider(
  long: CryptoProvider,
  short: CryptoProvider,
  shortLength: number,
): CryptoProvider {
  return {
    ...short,
    dh: (privateKey, publicKey) => long.dh(privateKey, publicKey),
    dhPublicKey: (privateKey) => long.dhPublicKey(privateKey),
    dhKey: (privateKey) => dhKeyOf(long, privateKey),
    name: `${long.name}+${short.name}`,
    createCipher(key) {
      // First the one that holds nothing but memory of its own.
      const ofShort = short.createCipher(key);
      const ofLong = long.createCipher(key);
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
          ofShort.destroy();
          ofLong.destroy();
        },
      };
    },
  };
}
