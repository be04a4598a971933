/**
 * Keys: 32 bytes with a class of their own, so that a `PublicKey` cannot be passed as a
 * `PresharedKey` and that nothing which prints values prints a secret. The text form is base64 with
 * padding, 44 characters.
 *
 * A key is a Uint8Array, and a copy by `slice()` is a key again. What copies bytes by other means
 * (`structuredClone`, `Uint8Array.from`) makes plain bytes of them: a parser makes a key again.
 *
 * No error here holds a part of a key.
 *
 * @module
 */
import { decodeBase64, encodeBase64, TEXT_LENGTH } from './text/base64.ts';
import { KEY_LENGTH } from './constants.ts';
import type { CryptoProvider } from './crypto/provider.ts';
import { secretBytes } from './crypto/secret-bytes.ts';
import { wipe } from './crypto/wipe.ts';
import { WireGuardError } from './errors.ts';
import { checkFunction } from './field.ts';
import { printAs } from './print-as.ts';

/** Bytes, and what a typed array makes itself of: a length (`slice`), or a buffer (`subarray`). */
export type KeySource = number | ArrayLike<number> | ArrayBufferLike;

/** A key that may be known to everybody. Printed, it is its base64 text. */
export class PublicKey extends Uint8Array {
  static {
    refuseTextIn(this);
    printAs(this.prototype, (key) => `PublicKey(${key.toString()})`);
  }

  get kind(): 'PublicKey' {
    return 'PublicKey';
  }

  /** For copies; `parsePublicKey` makes a key of text or bytes. */
  constructor(source: KeySource = KEY_LENGTH, byteOffset?: number, length?: number) {
    refuseText(source, 'PublicKey');
    super(source as ArrayBuffer, byteOffset, length);
  }

  /** 44 characters. */
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
 * A key that is nobody else's. Only `toBase64()` gives its text; everything that prints values says
 * that it is hidden. Its bytes stand outside of the memory that the garbage collector moves, so that
 * `fill(0)` leaves no copy behind.
 */
export abstract class SecretKey extends Uint8Array {
  static {
    refuseTextIn(this);
    printAs(this.prototype, hidden);
  }

  constructor(source: KeySource = KEY_LENGTH, byteOffset?: number, length?: number) {
    refuseText(source, new.target.name);
    if (typeof source === 'number') {
      super(new ArrayBuffer(source));
    } else if ('byteLength' in source && !ArrayBuffer.isView(source)) {
      super(source as ArrayBuffer, byteOffset, length);
    } else {
      super(new ArrayBuffer((source as ArrayLike<number>).length));
      this.set(source as ArrayLike<number>);
    }
  }

  /** 44 characters: a string, which nobody can wipe. */
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

/** Clamped (RFC 7748 section 5). */
export class PrivateKey extends SecretKey {
  override get kind(): 'PrivateKey' {
    return 'PrivateKey';
  }
}

export class PresharedKey extends SecretKey {
  override get kind(): 'PresharedKey' {
    return 'PresharedKey';
  }
}

/**
 * A copy of the 32 bytes, or of what the base64 text says, clamped.
 *
 * @throws {TypeError} neither a string nor a Uint8Array, or a key of another kind
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: length, characters, or all zero
 */
export function parsePrivateKey(input: string | Uint8Array): PrivateKey {
  const key = privateKeyOrNone(input);
  if (key) return key;
  throw new WireGuardError('ERR_LITZ_INVALID_KEY', 'private key: expected a key, got all zeros');
}

/** As `parsePrivateKey`; undefined for all zeros, which is how WireGuard says "none". */
export function privateKeyOrNone(input: string | Uint8Array): PrivateKey | undefined {
  const key = readInto(new PrivateKey(), input, 'private key');
  return isZeroKey(key) ? undefined : clamp(key);
}

/**
 * A copy of the 32 bytes, or of what the base64 text says. Low-order points are keys too; a peer
 * with one is never talked to.
 *
 * @throws {TypeError} neither a string nor a Uint8Array, or a key of another kind
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: length or characters
 */
export function parsePublicKey(input: string | Uint8Array): PublicKey {
  return readInto(new PublicKey(), input, 'public key');
}

/**
 * A copy of the 32 bytes, or of what the base64 text says. All zeros is the same as no preshared key.
 *
 * @throws {TypeError} neither a string nor a Uint8Array, or a key of another kind
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: length or characters
 */
export function parsePresharedKey(input: string | Uint8Array): PresharedKey {
  return readInto(new PresharedKey(), input, 'preshared key');
}

/**
 * The text form: base64, 44 characters. Text is checked and given back.
 *
 * @throws {TypeError} neither a string nor a Uint8Array
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: length or characters
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

/** Public keys as keys of a Map. */
export function keyId(publicKey: Uint8Array): string {
  return encodeBase64(publicKey);
}

/** Looks at all bytes, whatever they are. */
export function isZeroKey(key: Uint8Array): boolean {
  let bits = 0;
  for (let i = 0; i < key.length; i++) bits |= key[i];
  return bits === 0;
}

/**
 * A new private key. `randomBytes` fills its argument; what it throws is passed on.
 *
 * @throws {TypeError} `randomBytes` is no function
 */
export function generatePrivateKey(randomBytes: (out: Uint8Array) => void): PrivateKey {
  checkFunction(randomBytes, 'randomBytes');
  const key = new PrivateKey();
  randomBytes(key);
  return clamp(key);
}

/**
 * DH-Generate's second half: the public key that belongs to a private one, as text or bytes.
 *
 * @throws {TypeError} neither a string nor a Uint8Array, or a key of another kind
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: length, characters, or all zero
 */
export function publicKeyOf(privateKey: string | PrivateKey, crypto: CryptoProvider): PublicKey {
  const key = parsePrivateKey(privateKey);
  try {
    return parsePublicKey(crypto.dhPublicKey(key));
  } finally {
    wipe(key);
  }
}

/** RFC 7748 section 5, in place. */
function clamp(key: PrivateKey): PrivateKey {
  key[0] &= 248;
  key[31] = (key[31] & 127) | 64;
  return key;
}

/** A key of one kind is never meant where one of another kind is asked for. */
function readInto<Key extends PrivateKey | PublicKey | PresharedKey>(
  key: Key,
  input: unknown,
  what: string,
): Key {
  for (const Kind of [PrivateKey, PublicKey, PresharedKey]) {
    if (input instanceof Kind && !(key instanceof Kind)) {
      throw new TypeError(`${what}: expected one, got a ${Kind.name}`);
    }
  }
  readBytes(key, input, what);
  return key;
}

function readBytes(out: Uint8Array, input: unknown, what: string): void {
  if (typeof input === 'string') {
    if (decodeBase64(input, out)) return;
    wipe(out);
    const got = input.length === TEXT_LENGTH ? 'other characters' : `${input.length} characters`;
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

/** A view of a part of a key is of its class and has no text. */
function textOf(key: PublicKey | SecretKey): string {
  if (key.length === KEY_LENGTH) return encodeBase64(key);
  throw new TypeError(`expected a key of ${KEY_LENGTH} bytes, this one has ${key.length}`);
}

/** A typed array makes zeros of text, without a word. */
/** `from` would make a number of each letter, and so a key that can be guessed. */
function refuseTextIn(keys: object): void {
  Object.defineProperty(keys, 'from', {
    configurable: true,
    value(this: { name: string }, ...args: unknown[]): unknown {
      refuseText(args[0], this.name);
      // Of the class that it is called on, as the inherited one does.
      return Reflect.apply(Reflect.get(Uint8Array, 'from') as () => unknown, this, args);
    },
  });
}

function refuseText(source: unknown, kind: string): void {
  if (typeof source !== 'string') return;
  throw new TypeError(`"source" expected bytes, got a string: parse${kind} reads text`);
}
