/**
 * `toyProvider`: a provider with a Diffie-Hellman of 61 bits, a thousand times as fast as X25519.
 * It is for tests with very many handshakes, in which nothing has to be secret.
 *
 * @module
 */
import { nobleProvider, type CryptoProvider } from '../../src/index.ts';

/** @param base has the other primitives */
export function toyProvider(base: CryptoProvider = nobleProvider): CryptoProvider {
  return {
    ...base,
    dh: (privateKey, publicKey) => write(power(read(publicKey), read(privateKey))),
    dhPublicKey: (privateKey) => write(power(GENERATOR, read(privateKey))),
  };
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % PRIME;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % PRIME;
    square = (square * square) % PRIME;
  }
  return result;
}

function read(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(8, true) % PRIME;
}

function write(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32).fill(7);
  new DataView(bytes.buffer).setBigUint64(8, value, true);
  return bytes;
}

const PRIME = 2n ** 61n - 1n;
const GENERATOR = 37n;
