/**
 * Byte layout of the four messages, sections 5.4.2, 5.4.3, 5.4.6 and 5.4.7 of the WireGuard paper.
 * Indices and the counter are little-endian.
 *
 * ```
 * HandshakeInitiation, 148 bytes
 *  0        4              8            40                88             116    132    148
 *  | 1 0 0 0 | sender index | ephemeral  | static + tag    | timestamp + tag | mac1 | mac2 |
 *
 * HandshakeResponse, 92 bytes
 *  0        4              8                12           44          60     76     92
 *  | 2 0 0 0 | sender index | receiver index | ephemeral  | tag       | mac1 | mac2 |
 *
 * CookieReply, 64 bytes
 *  0        4                8        32             64
 *  | 3 0 0 0 | receiver index | nonce  | cookie + tag |
 *
 * TransportData, 32 bytes and more
 *  0        4                8         16
 *  | 4 0 0 0 | receiver index | counter | packet, padding, tag ...
 * ```
 *
 * The read functions check only type, reserved bits and length. They return views of the message.
 * Nothing is decrypted here. Transport data is read in `transport-data.ts`, which creates no view
 * per packet.
 *
 * @module
 */
import {
  COOKIE_REPLY_LENGTH,
  HANDSHAKE_INITIATION_LENGTH,
  HANDSHAKE_RESPONSE_LENGTH,
  MAC_LENGTH,
  MESSAGE_TYPE,
  TRANSPORT_OVERHEAD,
} from '../constants.ts';
import { readInt32, writeInt32 } from './int32.ts';

/** The first message of a handshake, section 5.4.2. */
export interface HandshakeInitiation {
  senderIndex: number;
  /** 32 bytes. */
  ephemeral: Uint8Array;
  /** The sender's public key, sealed, 48 bytes. */
  encryptedStatic: Uint8Array;
  /** The TAI64N timestamp, sealed, 28 bytes. */
  encryptedTimestamp: Uint8Array;
}

/** The second message of a handshake, section 5.4.3. */
export interface HandshakeResponse {
  senderIndex: number;
  receiverIndex: number;
  /** 32 bytes. */
  ephemeral: Uint8Array;
  /** An empty text, sealed: the tag alone, 16 bytes. */
  encryptedNothing: Uint8Array;
}

/** The answer of a receiver under load, section 5.4.7. */
export interface CookieReply {
  receiverIndex: number;
  /** 24 bytes. */
  nonce: Uint8Array;
  /** The cookie, sealed, 32 bytes. */
  encryptedCookie: Uint8Array;
}

/** The first byte of a message. */
export type MessageType = (typeof MESSAGE_TYPE)[keyof typeof MESSAGE_TYPE];

/**
 * Returns the type of a message by its first four bytes and its length; undefined if it is not a
 * WireGuard message.
 */
export function readMessageType(
  buffer: Uint8Array,
  offset: number,
  length: number,
): MessageType | undefined {
  if (offset + length > buffer.length) return undefined;
  if ((buffer[offset + 1] | buffer[offset + 2] | buffer[offset + 3]) !== 0) return undefined;
  switch (buffer[offset]) {
    case MESSAGE_TYPE.HANDSHAKE_INITIATION:
      return length === HANDSHAKE_INITIATION_LENGTH ? 1 : undefined;
    case MESSAGE_TYPE.HANDSHAKE_RESPONSE:
      return length === HANDSHAKE_RESPONSE_LENGTH ? 2 : undefined;
    case MESSAGE_TYPE.COOKIE_REPLY:
      return length === COOKIE_REPLY_LENGTH ? 3 : undefined;
    case MESSAGE_TYPE.TRANSPORT_DATA:
      return length >= TRANSPORT_OVERHEAD ? 4 : undefined;
    default:
      return undefined;
  }
}

/** Returns views of the fields; undefined if this is not an initiation. */
export function readInitiation(message: Uint8Array): HandshakeInitiation | undefined {
  if (!is(message, MESSAGE_TYPE.HANDSHAKE_INITIATION)) return undefined;
  return {
    senderIndex: readIndex(message, INITIATION.SENDER_INDEX),
    ephemeral: message.subarray(INITIATION.EPHEMERAL, INITIATION.STATIC),
    encryptedStatic: message.subarray(INITIATION.STATIC, INITIATION.TIMESTAMP),
    encryptedTimestamp: message.subarray(INITIATION.TIMESTAMP, INITIATION.MAC1),
  };
}

/** Writes everything but the macs into `out` (148 bytes). The macs become zero. */
export function writeInitiation(out: Uint8Array, message: HandshakeInitiation): void {
  begin(out, MESSAGE_TYPE.HANDSHAKE_INITIATION, HANDSHAKE_INITIATION_LENGTH);
  writeInt32(out, INITIATION.SENDER_INDEX, message.senderIndex);
  out.set(message.ephemeral, INITIATION.EPHEMERAL);
  out.set(message.encryptedStatic, INITIATION.STATIC);
  out.set(message.encryptedTimestamp, INITIATION.TIMESTAMP);
}

/** Returns views of the fields; undefined if this is not a response. */
export function readResponse(message: Uint8Array): HandshakeResponse | undefined {
  if (!is(message, MESSAGE_TYPE.HANDSHAKE_RESPONSE)) return undefined;
  return {
    senderIndex: readIndex(message, RESPONSE.SENDER_INDEX),
    receiverIndex: readIndex(message, RESPONSE.RECEIVER_INDEX),
    ephemeral: message.subarray(RESPONSE.EPHEMERAL, RESPONSE.NOTHING),
    encryptedNothing: message.subarray(RESPONSE.NOTHING, RESPONSE.MAC1),
  };
}

/** Writes everything but the macs into `out` (92 bytes). The macs become zero. */
export function writeResponse(out: Uint8Array, message: HandshakeResponse): void {
  begin(out, MESSAGE_TYPE.HANDSHAKE_RESPONSE, HANDSHAKE_RESPONSE_LENGTH);
  writeInt32(out, RESPONSE.SENDER_INDEX, message.senderIndex);
  writeInt32(out, RESPONSE.RECEIVER_INDEX, message.receiverIndex);
  out.set(message.ephemeral, RESPONSE.EPHEMERAL);
  out.set(message.encryptedNothing, RESPONSE.NOTHING);
}

/** Returns views of the fields; undefined if this is not a cookie reply. */
export function readCookieReply(message: Uint8Array): CookieReply | undefined {
  if (!is(message, MESSAGE_TYPE.COOKIE_REPLY)) return undefined;
  return {
    receiverIndex: readIndex(message, COOKIE_REPLY.RECEIVER_INDEX),
    nonce: message.subarray(COOKIE_REPLY.NONCE, COOKIE_REPLY.COOKIE),
    encryptedCookie: message.subarray(COOKIE_REPLY.COOKIE, COOKIE_REPLY_LENGTH),
  };
}

/** Writes the whole message into `out` (64 bytes). */
export function writeCookieReply(out: Uint8Array, message: CookieReply): void {
  begin(out, MESSAGE_TYPE.COOKIE_REPLY, COOKIE_REPLY_LENGTH);
  writeInt32(out, COOKIE_REPLY.RECEIVER_INDEX, message.receiverIndex);
  out.set(message.nonce, COOKIE_REPLY.NONCE);
  out.set(message.encryptedCookie, COOKIE_REPLY.COOKIE);
}

/** Returns the sender index of an initiation or a response, which is at the same offset in both. */
export function senderIndexOf(message: Uint8Array): number {
  return readIndex(message, INITIATION.SENDER_INDEX);
}

/**
 * Returns the offset of mac1 in an initiation or a response. Both messages end with the two macs.
 */
export function mac1Offset(message: Uint8Array): number {
  return message.length - 2 * MAC_LENGTH;
}

/** Returns the offset of mac2 in an initiation or a response. */
export function mac2Offset(message: Uint8Array): number {
  return message.length - MAC_LENGTH;
}

function is(message: Uint8Array, type: MessageType): boolean {
  return readMessageType(message, 0, message.length) === type;
}

/** @throws {RangeError} `out` has another length */
function begin(out: Uint8Array, type: MessageType, length: number): void {
  if (out.length !== length) {
    throw new RangeError(`"out" expected ${length} bytes, got ${out.length}`);
  }
  out.fill(0);
  out[0] = type;
}

function readIndex(message: Uint8Array, offset: number): number {
  return readInt32(message, offset) >>> 0;
}

const INITIATION = { SENDER_INDEX: 4, EPHEMERAL: 8, STATIC: 40, TIMESTAMP: 88, MAC1: 116 } as const;
const RESPONSE = {
  SENDER_INDEX: 4,
  RECEIVER_INDEX: 8,
  EPHEMERAL: 12,
  NOTHING: 44,
  MAC1: 60,
} as const;
const COOKIE_REPLY = { RECEIVER_INDEX: 4, NONCE: 8, COOKIE: 32 } as const;
