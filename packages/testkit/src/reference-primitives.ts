/**
 * The functions of section 5.4 of the WireGuard paper, on node:crypto. Use them only in tests.
 * They share no code with the core and its providers.
 *
 * @module
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
} from 'node:crypto';
import { referenceBlake2s } from './reference-blake2s.ts';

/** Returns new bytes: all parts, one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** DH(private key, public key) */
export function dh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const shared = diffieHellman({
    privateKey: asPrivate(privateKey),
    publicKey: asPublic(publicKey),
  });
  return new Uint8Array(shared);
}

/** The second half of DH-Generate() */
export function dhPublic(privateKey: Uint8Array): Uint8Array {
  const key = createPublicKey(asPrivate(privateKey)).export({ format: 'der', type: 'spki' });
  return new Uint8Array(key.subarray(SPKI_X25519.length));
}

/** Hash(input) */
export function hash(input: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('blake2s256').update(input).digest());
}

/** Mac(key, input) */
export function mac(key: Uint8Array, input: Uint8Array): Uint8Array {
  return referenceBlake2s(16, input, key);
}

/** Kdfn(key, input) */
export function kdf(n: number, key: Uint8Array, input: Uint8Array): Uint8Array[] {
  const t0 = hmac(key, input);
  const outputs: Uint8Array[] = [];
  let last: Uint8Array = new Uint8Array(0);
  for (let i = 1; i <= n; i++) {
    last = hmac(t0, concat(last, Uint8Array.of(i)));
    outputs.push(last);
  }
  return outputs;
}

/** Aead(key, counter, plain, auth) */
export function aead(
  key: Uint8Array,
  counter: number,
  plain: Uint8Array,
  auth: Uint8Array,
): Uint8Array {
  return seal(key, nonceOf(counter), plain, auth);
}

/** Opens what `aead` has sealed. Returns undefined for a wrong tag. */
export function aeadOpen(
  key: Uint8Array,
  counter: number,
  sealed: Uint8Array,
  auth: Uint8Array,
): Uint8Array | undefined {
  return open(key, nonceOf(counter), sealed, auth);
}

/** Xaead(key, nonce, plain, auth): draft-irtf-cfrg-xchacha section 2.3. */
export function xaead(
  key: Uint8Array,
  nonce: Uint8Array,
  plain: Uint8Array,
  auth: Uint8Array,
): Uint8Array {
  const subkey = hchacha20(key, nonce.subarray(0, 16));
  return seal(subkey, concat(new Uint8Array(4), nonce.subarray(16)), plain, auth);
}

/** Opens what `xaead` has sealed. Returns undefined for a wrong tag. */
export function xaeadOpen(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  auth: Uint8Array,
): Uint8Array | undefined {
  const subkey = hchacha20(key, nonce.subarray(0, 16));
  return open(subkey, concat(new Uint8Array(4), nonce.subarray(16)), sealed, auth);
}

/** Hmac(key, input) */
export function hmac(key: Uint8Array, input: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('blake2s256', key).update(input).digest());
}

/** Computes a ChaCha20 block, and subtracts the initial state, which ChaCha20 adds at its end. */
function hchacha20(key: Uint8Array, input: Uint8Array): Uint8Array {
  const block = createCipheriv('chacha20', key, input).update(new Uint8Array(64));
  const constants = Buffer.from('expand 32-byte k');
  const out = Buffer.alloc(32);
  for (let i = 0; i < 16; i += 4) {
    out.writeInt32LE((block.readInt32LE(i) - constants.readInt32LE(i)) | 0, i);
    const added = Buffer.from(input).readInt32LE(i);
    out.writeInt32LE((block.readInt32LE(48 + i) - added) | 0, 16 + i);
  }
  return new Uint8Array(out);
}

function seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, auth: Uint8Array): Uint8Array {
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  cipher.setAAD(auth, { plaintextLength: plain.length });
  return concat(cipher.update(plain), cipher.final(), cipher.getAuthTag());
}

function open(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  auth: Uint8Array,
): Uint8Array | undefined {
  const length = sealed.length - 16;
  if (length < 0) return undefined;
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  decipher.setAAD(auth, { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(length));
  const plain = decipher.update(sealed.subarray(0, length));
  try {
    return concat(plain, decipher.final());
  } catch {
    return undefined;
  }
}

function nonceOf(counter: number): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(BigInt(counter), 4);
  return nonce;
}

function asPrivate(raw: Uint8Array): ReturnType<typeof createPrivateKey> {
  return createPrivateKey({
    key: Buffer.concat([PKCS8_X25519, raw]),
    format: 'der',
    type: 'pkcs8',
  });
}

function asPublic(raw: Uint8Array): ReturnType<typeof createPublicKey> {
  return createPublicKey({ key: Buffer.concat([SPKI_X25519, raw]), format: 'der', type: 'spki' });
}

/** The DER bytes in front of the 32 bytes of a key, RFC 8410. */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex');
