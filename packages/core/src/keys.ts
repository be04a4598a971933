/**
 * Keys: 32 bytes, with one class for each kind of key. So a `PublicKey` cannot be passed as a
 * `PresharedKey`, and printing an object never prints a secret. The text form is base64 with
 * padding, 44 characters.
 *
 * A key is a Uint8Array, and `slice()` returns a key again. Other ways to copy bytes
 * (`structuredClone`, `Uint8Array.from`) return plain bytes. The parse functions turn these bytes
 * into a key again.
 *
 * No error here contains a part of a key.
 *
 * @module
 */
import { decodeBase64, encodeBase64, TEXT_LENGTH } from './text/base64.ts';
import { KEY_LENGTH } from './constants.ts';
import { secretBytes } from './crypto/secret-bytes.ts';
import { wipe } from './crypto/wipe.ts';
import { WireGuardError } from './errors.ts';
import { checkFunction } from './field.ts';
import { printAs } from './print-as.ts';

/**
 * What the constructor of a typed array accepts: a length (used by `slice`), bytes, or a buffer
 * (used by `subarray`).
 */
export type KeySource = number | ArrayLike<number> | ArrayBufferLike;

/** A key that is not secret. It prints as its base64 text. */
export class PublicKey extends Uint8Array {
  static {
    refuseTextIn(this);
    printAs(this.prototype, (key) => `PublicKey(${key.toString()})`);
  }

  get kind(): 'PublicKey' {
    return 'PublicKey';
  }

  /** Used by `slice` and `subarray`. To make a key from text or bytes, use `parsePublicKey`. */
  constructor(source: KeySource = KEY_LENGTH, byteOffset?: number, length?: number) {
    refuseText(source, 'PublicKey');
    super(source as ArrayBuffer, byteOffset, length);
  }

  /** Returns the base64 text, 44 characters. */
  toBase64(): string {
    return textOf(this);
  }

  override toString(): string {
    return textOf(this);
  }

  override toLocaleString(): string {
    return textOf(this);
  }

  toJSON(): string {
    return textOf(this);
  }
}

/**
 * A secret key. Only `toBase64()` returns its text; everything else prints "hidden". Its bytes are
 * in memory that the garbage collector does not move, so that `fill(0)` leaves no copy behind.
 */
export abstract class SecretKey extends Uint8Array {
  static {
    refuseTextIn(this);
    printAs(this.prototype, hidden);
  }

  constructor(source: KeySource = KEY_LENGTH, byteOffset?: number, length?: number) {
    refuseText(source, new.target.name);
    if (typeof source === 'number') {
      super(secretBytes(source).buffer);
    } else if ('byteLength' in source && !ArrayBuffer.isView(source)) {
      super(source as ArrayBuffer, byteOffset, length);
    } else {
      super(secretBytes((source as ArrayLike<number>).length).buffer);
      this.set(source as ArrayLike<number>);
    }
  }

  /** Returns the base64 text, 44 characters. A string cannot be wiped. */
  toBase64(): string {
    return textOf(this);
  }

  override toString(): string {
    return hidden(this);
  }

  override toLocaleString(): string {
    return hidden(this);
  }

  toJSON(): string {
    return hidden(this);
  }

  abstract get kind(): 'PrivateKey' | 'PresharedKey';
}

/** A private key. `parsePrivateKey` and `generatePrivateKey` clamp it (RFC 7748, section 5). */
export class PrivateKey extends SecretKey {
  override get kind(): 'PrivateKey' {
    return 'PrivateKey';
  }
}

/** A preshared key. All zeros mean "no preshared key". */
export class PresharedKey extends SecretKey {
  override get kind(): 'PresharedKey' {
    return 'PresharedKey';
  }
}

/**
 * Makes a private key from base64 text or from 32 bytes. The bytes are copied and clamped.
 *
 * @example
 *
 * ```ts
 * import { parsePrivateKey } from '@litz/core';
 *
 * const key = parsePrivateKey('yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=');
 * console.log(`${key}`); //=> PrivateKey(hidden)
 * key.fill(0);
 * ```
 *
 * @throws {TypeError} `input` is neither a string nor a Uint8Array, or is a key of another kind
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: wrong length, wrong characters, or all zeros
 */
export function parsePrivateKey(input: string | Uint8Array): PrivateKey {
  const key = readInto(new PrivateKey(), input, 'private key');
  if (!isZeroKey(key)) return clamp(key);
  throw new WireGuardError('ERR_LITZ_INVALID_KEY', 'private key: expected a key, got all zeros');
}

/**
 * Makes a public key from base64 text or from 32 bytes. The bytes are copied. A low-order point is
 * accepted, but no messages are ever sent to a peer whose key is a low-order point.
 *
 * @example
 *
 * ```ts
 * import { parsePublicKey } from '@litz/core';
 *
 * const key = parsePublicKey('xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=');
 * console.log(key.length); //=> 32
 * ```
 *
 * @throws {TypeError} `input` is neither a string nor a Uint8Array, or is a key of another kind
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: wrong length or wrong characters
 */
export function parsePublicKey(input: string | Uint8Array): PublicKey {
  return readInto(new PublicKey(), input, 'public key');
}

/**
 * Makes a preshared key from base64 text or from 32 bytes. The bytes are copied. All zeros are the
 * same as no preshared key.
 *
 * @throws {TypeError} `input` is neither a string nor a Uint8Array, or is a key of another kind
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: wrong length or wrong characters
 */
export function parsePresharedKey(input: string | Uint8Array): PresharedKey {
  return readInto(new PresharedKey(), input, 'preshared key');
}

/**
 * Returns the base64 text of a key, 44 characters. If `key` is a string, it is checked and
 * returned.
 *
 * @throws {TypeError} `key` is neither a string nor a Uint8Array
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: wrong length or wrong characters
 */
export function formatKey(key: PrivateKey | PublicKey | PresharedKey | string): string {
  const copy = secretBytes(KEY_LENGTH);
  try {
    readBytes(copy, key, 'key');
    return encodeBase64(copy);
  } finally {
    wipe(copy);
  }
}

/** Returns a string for a public key, to use as the key of a Map. */
export function keyId(publicKey: Uint8Array): string {
  return encodeBase64(publicKey);
}

/**
 * Returns whether all bytes are zero. Always reads all of them, so that the time does not depend on
 * the key.
 */
export function isZeroKey(key: Uint8Array): boolean {
  let bits = 0;
  for (let i = 0; i < key.length; i++) bits |= key[i];
  return bits === 0;
}

/**
 * Returns a new private key. `randomBytes` must fill its argument; an error that it throws is
 * passed on.
 *
 * @throws {TypeError} `randomBytes` is not a function
 */
export function generatePrivateKey(randomBytes: (out: Uint8Array) => void): PrivateKey {
  checkFunction(randomBytes, 'randomBytes');
  const key = new PrivateKey();
  randomBytes(key);
  return clamp(key);
}

/** Clamps a key in place (RFC 7748, section 5). */
function clamp(key: PrivateKey): PrivateKey {
  key[0] &= 248;
  key[31] = (key[31] & 127) | 64;
  return key;
}

/**
 * Fills `key` from text or bytes. A key of another kind is refused, because it is surely a mistake.
 */
function readInto<Key extends PrivateKey | PublicKey | PresharedKey>(
  key: Key,
  input: unknown,
  what: string,
): Key {
  for (const Kind of [PrivateKey, PublicKey, PresharedKey]) {
    if (input instanceof Kind && !(key instanceof Kind)) {
      throw new TypeError(`${what}: expected a ${what}, got a ${Kind.name}`);
    }
  }
  readBytes(key, input, what);
  return key;
}

function readBytes(out: Uint8Array, input: unknown, what: string): void {
  if (typeof input === 'string') {
    if (decodeBase64(input, out)) return;
    wipe(out);
    const got = input.length === TEXT_LENGTH ? 'invalid characters' : `${input.length} characters`;
    throw new WireGuardError(
      'ERR_LITZ_INVALID_KEY',
      `${what}: expected ${KEY_LENGTH} bytes as ${TEXT_LENGTH} characters of base64, got ${got}`,
    );
  }
  if (!(input instanceof Uint8Array)) {
    const got = input === null ? 'null' : typeof input;
    throw new TypeError(`${what}: expected a string or a Uint8Array, got ${got}`);
  }
  if (input.length !== KEY_LENGTH) {
    throw new WireGuardError(
      'ERR_LITZ_INVALID_KEY',
      `${what}: expected ${KEY_LENGTH} bytes, got ${input.length}`,
    );
  }
  out.set(input);
}

function hidden(key: SecretKey): string {
  return `${key.kind}(hidden)`;
}

/** `subarray` can return a part of a key, which has the same class but no text. */
function textOf(key: PublicKey | SecretKey): string {
  if (key.length === KEY_LENGTH) return encodeBase64(key);
  throw new TypeError(`expected a key of ${KEY_LENGTH} bytes, got ${key.length}`);
}

/**
 * Makes the static function `from` of the class `keys` throw for text, as the constructor of `keys`
 * does. Without this, `from` would make one number per character of the text, which is 0 for most
 * characters. A key that is mostly zeros can be guessed.
 */
function refuseTextIn(keys: object): void {
  Object.defineProperty(keys, 'from', {
    configurable: true,
    value(this: { name: string }, ...args: unknown[]): unknown {
      refuseText(args[0], this.name);
      // `from` returns an object of the class that it is called on, as the inherited `from` does.
      return Reflect.apply(Reflect.get(Uint8Array, 'from') as () => unknown, this, args);
    },
  });
}

function refuseText(source: unknown, kind: string): void {
  if (typeof source !== 'string') return;
  throw new TypeError(`"source" expected bytes, got a string: use parse${kind} for text`);
}
