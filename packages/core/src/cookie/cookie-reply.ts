/**
 * The cookie reply, section 5.4.7 of the WireGuard paper: it gives the sender of a handshake
 * message an encrypted cookie. To open the cookie, one must know the mac1 of that message and the
 * public key of the side that replies.
 *
 * @module
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import { readCookieReply, writeCookieReply } from '../wire/messages.ts';

/** The parts of a cookie reply. Borrowed for the call. */
export interface CookieReplyParts {
  /** Hash(LABEL_COOKIE || S_m_pub), with the public key of the side that replies. */
  cookieKey: Uint8Array;
  /** tau, 16 bytes. */
  cookie: Uint8Array;
  /** The sender index of the message that caused the reply. */
  receiverIndex: number;
  /** mac1 of the message that caused the reply. */
  mac1: Uint8Array;
}

/** Writes a whole cookie reply into `out` (64 bytes). */
export function sealCookieReply(
  crypto: CryptoProvider,
  randomBytes: (out: Uint8Array) => void,
  out: Uint8Array,
  { cookieKey, cookie, receiverIndex, mac1 }: CookieReplyParts,
): void {
  // msg.nonce := rho(24)
  const nonce = new Uint8Array(NONCE_LENGTH);
  randomBytes(nonce);
  // msg.cookie := Xaead(Hash(LABEL_COOKIE || S_m_pub), msg.nonce, tau, M)
  const encryptedCookie = crypto.xaeadSeal(cookieKey, nonce, cookie, mac1);
  writeCookieReply(out, { receiverIndex, nonce, encryptedCookie });
}

/**
 * Returns the cookie, 16 new bytes; undefined if this is not an authentic reply to a message with
 * `mac1`.
 */
export function openCookieReply(
  crypto: CryptoProvider,
  cookieKey: Uint8Array,
  mac1: Uint8Array,
  message: Uint8Array,
): Uint8Array | undefined {
  const reply = readCookieReply(message);
  if (!reply) return undefined;
  // The mac1 M is authenticated data, so only somebody who saw our message can have made the reply.
  return crypto.xaeadOpen(cookieKey, reply.nonce, reply.encryptedCookie, mac1);
}

const NONCE_LENGTH = 24;
