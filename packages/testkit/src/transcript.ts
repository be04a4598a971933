/**
 * The shape of `test-vectors/wireguard/*.json`: a handshake and some transport data, with all of
 * their inputs, byte for byte.
 *
 * @module
 */

/** Bytes as lower-case hexadecimal. */
export type Hex = string;

export interface Transcript {
  name: string;
  description: string;
  /** Explains how the other fields are encoded. */
  encoding: string;
  presharedKey: Hex;
  initiator: TranscriptParty;
  responder: TranscriptParty;
  /** In the order in which they are sent. */
  messages: TranscriptMessage[];
  /** T_send and T_recv of the initiator; for the responder, the two keys are exchanged. */
  transportKeys: { initiatorSend: Hex; initiatorReceive: Hex };
}

export interface TranscriptParty {
  staticPrivate: Hex;
  staticPublic: Hex;
  /** The source of the party's datagrams, as the other side sees it. */
  source: { address: Hex; port: number };
}

export type TranscriptMessage =
  | TranscriptInitiation
  | TranscriptResponse
  | TranscriptCookieReply
  | TranscriptTransportData;

export interface TranscriptInitiation {
  type: 'handshake-initiation';
  from: 'initiator';
  senderIndex: number;
  ephemeralPrivate: Hex;
  ephemeralPublic: Hex;
  timestamp: Hex;
  /** The cookie of the latest cookie reply; null if there was none, and then mac2 is zero. */
  cookie: Hex | null;
  /** The chaining key C after this message. */
  chainingKey: Hex;
  hash: Hex;
  mac1: Hex;
  mac2: Hex;
  message: Hex;
}

export interface TranscriptResponse {
  type: 'handshake-response';
  from: 'responder';
  senderIndex: number;
  receiverIndex: number;
  ephemeralPrivate: Hex;
  ephemeralPublic: Hex;
  chainingKey: Hex;
  hash: Hex;
  mac1: Hex;
  mac2: Hex;
  message: Hex;
}

export interface TranscriptCookieReply {
  type: 'cookie-reply';
  from: 'responder';
  receiverIndex: number;
  cookieSecret: Hex;
  nonce: Hex;
  cookie: Hex;
  message: Hex;
}

export interface TranscriptTransportData {
  type: 'transport-data';
  from: 'initiator' | 'responder';
  receiverIndex: number;
  counter: number;
  /** The IP packet; empty for a keepalive. */
  packet: Hex;
  /** The packet, padded with zeros to a multiple of 16. These bytes are sealed. */
  padded: Hex;
  message: Hex;
}
