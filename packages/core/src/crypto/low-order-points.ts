/**
 * The public keys that give an all-zero shared secret with every private key, on Curve25519 and its
 * twist.
 *
 * @module
 */

/**
 * Returns whether X25519 with this public key (32 bytes) gives all zeros for every private key. The
 * comparison takes variable time, because the key is public. The top bit, which X25519 ignores, is
 * ignored here too.
 */
export function isLowOrderPoint(publicKey: Uint8Array): boolean {
  return LOW_ORDER_POINTS.some((point) => matches(point, publicKey));
}

function matches(point: Uint8Array, publicKey: Uint8Array): boolean {
  for (let i = 0; i < 31; i++) if (point[i] !== publicKey[i]) return false;
  return point[31] === (publicKey[31] & 0x7f);
}

/**
 * Five points, written as values modulo p = 2^255 - 19. Two of the values have a second form in 255
 * bits (RFC 7748, section 5).
 */
const LOW_ORDER_POINTS: readonly Uint8Array[] = [
  '0000000000000000000000000000000000000000000000000000000000000000', // 0
  '0100000000000000000000000000000000000000000000000000000000000000', // 1
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', // of order 8
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157', // of order 8
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // p - 1
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // p, that is 0
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // p + 1, that is 1
].map((hex) =>
  Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16)),
);
