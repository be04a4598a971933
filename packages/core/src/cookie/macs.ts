/**
 * mac1 and mac2, the last 32 bytes of initiations and responses: sections 5.3 and 5.4.4 of the
 * WireGuard paper.
 *
 * mac1 proves that the sender knows the receiver's public key. Without a valid mac1, a message is
 * not answered. mac2 proves that the sender can receive at the source address of the datagram. A
 * receiver under load requires mac2. If mac2 is not valid, the receiver sends a cookie reply.
 *
 * @module
 */
import { COOKIE_LENGTH, COOKIE_LIFETIME_MS, HASH_LENGTH, MAC_LENGTH } from '../constants.ts';
import { equalBytes } from '../crypto/equal-bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { secretBytes } from '../crypto/secret-bytes.ts';
import { wipe } from '../crypto/wipe.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Endpoint } from '../endpoint.ts';
import { cookieKeyOf, mac1KeyOf, type StaticIdentity } from '../handshake/static-identity.ts';
import type { StateCodec } from '../hand-over/state-codec.ts';
import type { PublicKey } from '../keys.ts';
import { mac1Offset, mac2Offset, senderIndexOf } from '../wire/messages.ts';
import { openCookieReply, sealCookieReply } from './cookie-reply.ts';

/** Writes the macs of handshake messages to one peer. Keeps the latest cookie from that peer. */
export class MacSender {
  readonly #crypto: CryptoProvider;
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  /** mac1 of the last message, because a cookie reply is bound to it. */
  readonly #lastMac1 = new Uint8Array(MAC_LENGTH);
  #awaitsCookie = false;
  #cookie: Uint8Array | undefined = undefined;
  #cookieReceivedAt: number = -Infinity;

  constructor(crypto: CryptoProvider, receiverPublicKey: PublicKey) {
    this.#crypto = crypto;
    this.#mac1Key = mac1KeyOf(crypto, receiverPublicKey);
    this.#cookieKey = cookieKeyOf(crypto, receiverPublicKey);
  }

  /** Writes both macs to the end of a complete initiation or response. */
  addMacs(message: Uint8Array, now: number): void {
    const mac1At = mac1Offset(message);
    const mac2At = mac2Offset(message);
    // msg.mac1 := Mac(Hash(LABEL_MAC1 || S_m'_pub), msg_alpha)
    this.#crypto.mac(this.#lastMac1, this.#mac1Key, message.subarray(0, mac1At));
    message.set(this.#lastMac1, mac1At);
    this.#awaitsCookie = true;
    // msg.mac2 := 0, or Mac(L, msg_beta) if the latest cookie is not too old
    const mac2 = message.subarray(mac2At);
    const cookie = this.#currentCookie(now);
    if (cookie) this.#crypto.mac(mac2, cookie, message.subarray(0, mac2At));
    else mac2.fill(0);
  }

  /**
   * Keeps the cookie of a reply (64 bytes) for the next messages. At most one reply is accepted per
   * message that we sent.
   *
   * @returns why the reply must be dropped; then the cookie has not changed
   */
  consumeCookieReply(
    crypto: CryptoProvider,
    message: Uint8Array,
    now: number,
  ): DropReason | undefined {
    if (!this.#awaitsCookie) return 'unexpected-cookie';
    const cookie = openCookieReply(crypto, this.#cookieKey, this.#lastMac1, message);
    if (!cookie) return 'invalid-cookie';
    wipe(this.#cookie);
    this.#cookie = cookie;
    this.#cookieReceivedAt = now;
    this.#awaitsCookie = false;
    return undefined;
  }

  /** Saves or restores the cookie, and the mac1 that a cookie reply must match, for a hand-over. */
  code(codec: StateCodec): void {
    codec.bytes(this.#lastMac1);
    this.#awaitsCookie = codec.flag(this.#awaitsCookie);
    this.#cookie = codec.optional(this.#cookie);
    this.#cookieReceivedAt = codec.number(this.#cookieReceivedAt);
  }

  /** Wipes the cookie. */
  clear(): void {
    wipe(this.#cookie);
    this.#cookie = undefined;
  }

  #currentCookie(now: number): Uint8Array | undefined {
    if (now < this.#cookieReceivedAt + COOKIE_LIFETIME_MS - COOKIE_LATENCY_MS) return this.#cookie;
    this.clear();
    return undefined;
  }
}

/** Checks the macs of handshake messages to us. Keeps the secret from which cookies are made. */
export class MacChecker {
  /** The identity that the messages are for. */
  readonly identity: StaticIdentity;
  readonly #crypto: CryptoProvider;
  readonly #randomBytes: (out: Uint8Array) => void;
  /** R_m of the paper: the secret from which cookies are made. */
  readonly #cookieSecret = secretBytes(HASH_LENGTH);
  #secretChangedAt: number = -Infinity;
  readonly #mac = new Uint8Array(MAC_LENGTH);

  constructor(
    crypto: CryptoProvider,
    identity: StaticIdentity,
    randomBytes: (out: Uint8Array) => void,
  ) {
    this.#crypto = crypto;
    this.identity = identity;
    this.#randomBytes = randomBytes;
  }

  /** Returns whether the sender of a complete initiation or response knows our public key. */
  checkMac1(message: Uint8Array): boolean {
    const at = mac1Offset(message);
    this.#crypto.mac(this.#mac, this.identity.mac1Key, message.subarray(0, at));
    return equalBytes(this.#mac, message.subarray(at, at + MAC_LENGTH));
  }

  /**
   * Returns whether the sender of a complete initiation or response has a cookie that we gave to
   * `source`.
   */
  checkMac2(message: Uint8Array, source: Endpoint, now: number): boolean {
    const at = mac2Offset(message);
    const cookie = this.#cookieOf(source, now);
    this.#crypto.mac(this.#mac, cookie, message.subarray(0, at));
    wipe(cookie);
    return equalBytes(this.#mac, message.subarray(at));
  }

  /**
   * Writes a cookie reply with the cookie of `source` into `out` (64 bytes). `message`, which the
   * reply answers, must have a valid mac1.
   */
  createCookieReply(message: Uint8Array, source: Endpoint, now: number, out: Uint8Array): void {
    const cookie = this.#cookieOf(source, now);
    const mac1At = mac1Offset(message);
    sealCookieReply(this.#crypto, this.#randomBytes, out, {
      cookieKey: this.identity.cookieKey,
      cookie,
      receiverIndex: senderIndexOf(message),
      mac1: message.subarray(mac1At, mac1At + MAC_LENGTH),
    });
    wipe(cookie);
  }

  /** Saves or restores R_m for a hand-over, so that the cookies that we gave stay valid. */
  code(codec: StateCodec): void {
    codec.bytes(this.#cookieSecret);
    this.#secretChangedAt = codec.number(this.#secretChangedAt);
  }

  /** Wipes R_m. A new R_m is made when it is needed. */
  clear(): void {
    wipe(this.#cookieSecret);
    this.#secretChangedAt = -Infinity;
  }

  /**
   * Section 5.4.7: tau := Mac(R_m, A_m'), where A_m' is IP address and port.
   *
   * If R_m is at least two minutes old when it is used, it is replaced. Cookies of the old R_m are
   * then no longer accepted (kernel: cookie.c). So a cookie can expire early. Its owner then gets a
   * new cookie.
   */
  #cookieOf(source: Endpoint, now: number): Uint8Array {
    if (now >= this.#secretChangedAt + COOKIE_LIFETIME_MS) {
      this.#randomBytes(this.#cookieSecret);
      this.#secretChangedAt = now;
    }
    const { length } = source.address;
    const address = new Uint8Array(length + 2);
    address.set(source.address);
    address[length] = source.port >> 8;
    address[length + 1] = source.port;
    const cookie = new Uint8Array(COOKIE_LENGTH);
    this.#crypto.mac(cookie, this.#cookieSecret, address);
    return cookie;
  }
}

/**
 * A sender does not use a cookie in the last seconds of the cookie's life, because the cookie might
 * expire before the message arrives (kernel: cookie.h).
 */
const COOKIE_LATENCY_MS = 5_000;
