/**
 * What an engine puts out: datagrams for the network, packets for the interface, events.
 *
 * @module
 */
import type { Endpoint } from './endpoint.ts';
import type { PublicKey } from './keys.ts';

const EMPTY = new Uint8Array(0);

/** What happened to a peer. Events are few: none of them is per packet. */
export type EngineEvent =
  /** A handshake completed: keys of a new session are confirmed on both sides. */
  | { type: 'handshake'; peer: PublicKey; role: 'initiator' | 'responder'; durationMs?: number }
  /** `up`: the peer can be sent to; `renewed`: with newer keys; `expired`: not any more. */
  | { type: 'session'; peer: PublicKey; state: 'up' | 'renewed' | 'expired' }
  /** The peer is reached at another address or port than before. */
  | { type: 'roam'; peer: PublicKey; endpoint: Endpoint; previous: Endpoint | undefined }
  /** Gave up after Rekey-Attempt-Time; the packets that waited are dropped. */
  | { type: 'handshake-failed'; peer: PublicKey };

/**
 * One datagram to send: `length` bytes of `buffer` at `offset`. Object and bytes are the engine's or
 * stand in the buffer that `handlePacketAt` was given: valid until the next `handle*` call.
 */
export class Transmit {
  buffer: Uint8Array = EMPTY;
  offset = 0;
  length = 0;
  // Assigned before the object is handed out.
  destination!: Endpoint;
  /** The whole TOS or traffic class byte, DSCP and ECN. */
  tos = 0;
  /** Whose message it is; undefined for a cookie reply. */
  peer: PublicKey | undefined = undefined;
  /** Room for a handshake message, made when this object first carries one. */
  own: Uint8Array | undefined = undefined;

  /** A new view of the bytes. */
  get datagram(): Uint8Array {
    return this.buffer.subarray(this.offset, this.offset + this.length);
  }
}

/**
 * One IP packet for the interface: `length` bytes of `buffer` at `offset`. Object and bytes are the
 * engine's or stand in the datagram that was opened: valid until the next `handle*` call.
 */
export class PacketView {
  buffer: Uint8Array = EMPTY;
  offset = 0;
  length = 0;
  /** Whose packet it is; undefined for an ICMP message made by the engine. */
  peer: PublicKey | undefined = undefined;

  /** A new view of the bytes. */
  get packet(): Uint8Array {
    return this.buffer.subarray(this.offset, this.offset + this.length);
  }
}
