/**
 * `Credentials`: the name and the password that clients of a proxy must give.
 *
 * @module
 */
import { createHmac, randomBytes } from 'node:crypto';
import { equalBytes } from '@litz/core/internals';

/**
 * A name and a password. Only an HMAC of them is kept, with a random key. So a comparison takes the
 * same time wherever two texts differ, and an object never shows the password.
 */
export class Credentials {
  readonly #key: Uint8Array = randomBytes(32);
  readonly #digest: Uint8Array;

  /** @throws {RangeError} `name` or `password` has more bytes than RFC 1929 allows: 255 */
  constructor(name: string, password: string) {
    const [nameBytes, passwordBytes] = [Buffer.from(name), Buffer.from(password)];
    if (nameBytes.length > MOST_BYTES) throw new RangeError('the name has more than 255 bytes');
    if (passwordBytes.length > MOST_BYTES) {
      throw new RangeError('the password has more than 255 bytes');
    }
    this.#digest = this.#digestOf(nameBytes, passwordBytes);
  }

  /** Returns whether a client gave the right name and password. The bytes are borrowed. */
  match(name: Uint8Array, password: Uint8Array): boolean {
    if (name.length > MOST_BYTES) return false;
    return equalBytes(this.#digestOf(name, password), this.#digest);
  }

  /**
   * Returns whether the value of a header `Proxy-Authorization` has the right name and password, in
   * the scheme Basic (RFC 7617).
   */
  matchBasic(header: string | undefined): boolean {
    const [, base64] = /^basic +([A-Za-z0-9+/]+=*) *$/i.exec(header ?? '') ?? [];
    if (base64 === undefined) return false;
    const bytes = Buffer.from(base64, 'base64');
    const colon = bytes.indexOf(':');
    return colon !== -1 && this.match(bytes.subarray(0, colon), bytes.subarray(colon + 1));
  }

  #digestOf(name: Uint8Array, password: Uint8Array): Uint8Array {
    const hmac = createHmac('sha256', this.#key);
    return hmac.update(Uint8Array.of(name.length)).update(name).update(password).digest();
  }
}

/** RFC 1929 has one byte for the length of a name or a password. */
const MOST_BYTES = 255;
