/**
 * The constants of the protocol, with their names in the WireGuard paper, and a few limits of Litz.
 *
 * The paper: Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel", NDSS 2017, revised. All
 * times are in milliseconds, all lengths in bytes.
 *
 * @module
 */

/**
 * Rekey-After-Time, section 6.1: when the initiator of a session sends a message and the session is
 * this old, the initiator renews the session.
 */
export const REKEY_AFTER_TIME_MS = 120_000;
/** Reject-After-Time, section 6.1: a session that is this old neither sends nor receives. */
export const REJECT_AFTER_TIME_MS = 180_000;
/** Rekey-Timeout, section 6.1: an initiation without an answer is sent again after this time. */
export const REKEY_TIMEOUT_MS = 5_000;
/**
 * Keepalive-Timeout, section 6.1: a keepalive is sent when we have received data and have sent
 * nothing for this long.
 */
export const KEEPALIVE_TIMEOUT_MS = 10_000;
/**
 * The longest random delay of a retry, so that many peers do not retry at the same moment (kernel:
 * timers.c).
 */
export const REKEY_TIMEOUT_JITTER_MAX_MS = 333;
/** Key material is wiped this long after the last handshake: three times Reject-After-Time. */
export const ZERO_KEY_MATERIAL_AFTER_MS: number = REJECT_AFTER_TIME_MS * 3;
/**
 * When the initiator receives data in a session that is this old, the initiator renews the session,
 * section 6.2.
 */
export const REKEY_AFTER_TIME_RECEIVING_MS: number =
  REJECT_AFTER_TIME_MS - KEEPALIVE_TIMEOUT_MS - REKEY_TIMEOUT_MS;
/** A new handshake is started when sent data had no answer for this long, section 6.5. */
export const NEW_HANDSHAKE_AFTER_MS: number = KEEPALIVE_TIMEOUT_MS + REKEY_TIMEOUT_MS;
/**
 * How many initiations are sent before giving up: the first initiation and 19 retries (kernel:
 * messages.h).
 */
export const MAX_HANDSHAKE_ATTEMPTS = 20;

/**
 * Rekey-After-Messages, section 6.1: a session is renewed after this many messages. Counters are
 * JavaScript numbers, so this limit and Reject-After-Messages are lower than in the paper: `2^52`
 * instead of `2^60`, and `2^53-2^13-1` instead of `2^64-2^13-1`. This makes no difference, because
 * no session can carry 2^52 packets within its 180 s.
 */
export const REKEY_AFTER_MESSAGES: number = 2 ** 52;
/**
 * Reject-After-Messages, section 6.1: a session neither sends nor receives counters from this
 * number on.
 */
export const REJECT_AFTER_MESSAGES: number = 2 ** 53 - 2 ** 13 - 1;

/**
 * A cookie is valid for at most 120 s. The secret from which cookies are made is used for 120 s.
 * Sections 5.3 and 5.4.7.
 */
export const COOKIE_LIFETIME_MS = 120_000;

/** The first byte of each message, section 5.4. The three bytes after it are zero. */
export const MESSAGE_TYPE = {
  HANDSHAKE_INITIATION: 1,
  HANDSHAKE_RESPONSE: 2,
  COOKIE_REPLY: 3,
  TRANSPORT_DATA: 4,
} as const;
/** The length of the first message of a handshake, section 5.4.2. */
export const HANDSHAKE_INITIATION_LENGTH = 148;
/** The length of the second message of a handshake, section 5.4.3. */
export const HANDSHAKE_RESPONSE_LENGTH = 92;
/** The length of a cookie reply, section 5.4.7. */
export const COOKIE_REPLY_LENGTH = 64;
/** Type, reserved bytes, receiver index and counter, in front of the encrypted packet. */
export const TRANSPORT_HEADER_LENGTH = 16;
/** The length of the tag that each AEAD appends to its text (RFC 8439). */
export const TAG_LENGTH = 16;
/** The length of a keepalive: header and tag without a packet. */
export const TRANSPORT_OVERHEAD: number = TRANSPORT_HEADER_LENGTH + TAG_LENGTH;
/** Packets are padded to a multiple of this length, section 5.4.6. */
export const PADDING_MULTIPLE = 16;
/** The largest UDP payload over IPv4. A longer datagram cannot be sent. */
export const MAX_DATAGRAM_LENGTH = 65_507;
/** The longest packet that a message can carry: 65,475. */
export const MAX_MTU: number = MAX_DATAGRAM_LENGTH - TRANSPORT_OVERHEAD;

/** The length of every key: private, public, preshared and symmetric. */
export const KEY_LENGTH = 32;
/** The length of a hash, BLAKE2s-256. */
export const HASH_LENGTH = 32;
/** The length of msg.mac1 and msg.mac2, keyed BLAKE2s-128. */
export const MAC_LENGTH = 16;
/** The length of a cookie, which is a MAC of the sender's address and port. */
export const COOKIE_LENGTH = 16;
/** The length of a TAI64N timestamp. */
export const TIMESTAMP_LENGTH = 12;

/** The TOS byte of handshake messages: DSCP AF41 (kernel: messages.h, HANDSHAKE_DSCP). */
export const HANDSHAKE_TOS = 0x88;

// Limits of Litz. If the kernel has the same limit, Litz uses the kernel's value.
/** How many packets of a peer can wait for a session (kernel: MAX_STAGED_PACKETS). */
export const MAX_STAGED_PACKETS = 128;
/** The most peers of an engine: 2^20, as in the kernel (MAX_PEERS_PER_DEVICE). */
export const MAX_PEERS: number = 2 ** 20;
/**
 * The shortest time between two initiations of one peer. An initiation that comes sooner is dropped
 * (kernel: INITIATIONS_PER_SECOND).
 */
export const MIN_INITIATION_INTERVAL_MS = 20;
/**
 * The MTU in bytes if none is set. Over IPv6, headers and tag add 80 bytes, so a datagram fits into
 * 1,500 bytes.
 */
export const DEFAULT_MTU = 1420;
