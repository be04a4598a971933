/**
 * What an engine puts out: datagrams for the network, packets for the interface, events.
 *
 * @module
 */
import { TRANSPORT_HEADER_LENGTH } from './constants.ts';
import type { Endpoint } from './endpoint.ts';
import type { PublicKey } from './keys.ts';
import type { SessionKeys } from './peer/keypairs.ts';
import type { Peer } from './peer/peer.ts';
import type { DatagramRun } from './wire/datagram-run.ts';
import type { PacketRun } from './wire/packet-run.ts';

const EMPTY = new Uint8Array(0);

/** What happened to a peer. Events are few: none of them is per packet. */
export type EngineEvent =
  /**
   * A handshake completed: keys of a new session are confirmed on both sides. `keys`: the static keys
   * that it was made with.
   */
  | {
      type: 'handshake';
      peer: PublicKey;
      role: 'initiator' | 'responder';
      keys: SessionKeys;
      durationMs?: number;
    }
  /** `up`: the peer can be sent to; `renewed`: with newer keys; `expired`: not any more. */
  | { type: 'session'; peer: PublicKey; state: 'up' | 'renewed' | 'expired' }
  /**
   * The peer is reached at another address or port than before. At most once a second for each peer:
   * of more than one change the last is told then.
   */
  | { type: 'roam'; peer: PublicKey; endpoint: Endpoint; previous: Endpoint | undefined }
  /** Gave up after Rekey-Attempt-Time; the packets that waited are dropped. */
  | { type: 'handshake-failed'; peer: PublicKey }
  /**
   * One step of a peer, for a log. Only while `Engine.traces` is set. `sends`: how many initiations this
   * attempt at a handshake has sent.
   */
  | { type: 'trace'; peer: PublicKey; step: TraceStep; sends: number }
  /**
   * A peer was added, got an endpoint, completed a handshake, is reached elsewhere (as often as `roam`
   * says it), or was removed. Only while `Engine.tellsPeers` is set.
   */
  | PeerNews;

/** What a peer is now, after something about it has changed. */
export interface PeerNews {
  type: 'peer';
  peer: PublicKey;
  state: 'present' | 'removed';
  endpoint: Endpoint | undefined;
  /** Unix time of the last completed handshake, 0 if there was none. */
  lastHandshakeUnixMs: number;
  /** The static keys of the session that is sent with; absent if there is none. */
  sessionKeys?: SessionKeys;
}

export type TraceStep =
  | 'peer-added'
  | 'peer-removed'
  | 'key-promoted' // the peer's next key is its key now
  | 'initiation-sent'
  | 'probe-sent' // an initiation of our next identity, to a peer that has not answered it
  | 'initiation-received'
  | 'response-sent'
  | 'response-received'
  | 'cookie-received'
  | 'retrying' // no answer to the last initiation: the next one is sent
  | 'gave-up' // no answer to any of them
  | 'not-heard' // no answer to what was sent with a session: a handshake begins
  | 'keypair-created'
  | 'keys-removed'; // nothing newer came for three Reject-After-Times

/**
 * One datagram to send, `length` bytes of `buffer` at `offset`; or, after `handlePackets`, `count`
 * datagrams of one length to one destination. Object and bytes are the engine's or stand in the buffer
 * that the packet was given in: valid until the next `handle*` call.
 */
export class Transmit implements DatagramRun {
  buffer: Uint8Array = EMPTY;
  offset = 0;
  /** Of each datagram. */
  length = 0;
  /** Of the last datagram; no more than `length`. */
  lastLength = 0;
  /** From one datagram to the next. */
  stride = 0;
  count = 1;
  // Assigned before the object is handed out.
  destination!: Endpoint;
  /** The whole TOS or traffic class byte, DSCP and ECN. */
  tos = 0;
  /** Whose message it is; undefined for a cookie reply. */
  peer: PublicKey | undefined = undefined;

  /** A new view of the bytes of the first datagram. */
  get datagram(): Uint8Array {
    return this.datagramAt(0);
  }

  /** A new view of the bytes of datagram `index`, 0 to `count` - 1. */
  datagramAt(index: number): Uint8Array {
    const start = this.offset + index * this.stride;
    const length = index === this.count - 1 ? this.lastLength : this.length;
    return this.buffer.subarray(start, start + length);
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

/**
 * What waits to be polled. Transmits and packet views are used again once all of them were taken, so
 * that a caller who drains after every input makes no garbage.
 */
export class Outputs {
  readonly #transmits = new ReusedQueue(() => new Transmit());
  readonly #packets = new ReusedQueue(() => new PacketView());
  /** Somebody reads `trace` events: none is made before. */
  traces = false;
  /** Somebody reads `peer` events: none is made before. */
  tellsPeers = false;
  #events: EngineEvent[] = [];
  #firstEvent = 0;

  /** A datagram; its bytes stay where they are. */
  transmit(
    peer: Peer | undefined,
    destination: Endpoint,
    tos: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const transmit = this.#transmits.push();
    transmit.buffer = buffer;
    transmit.offset = offset;
    transmit.length = length;
    transmit.lastLength = length;
    transmit.stride = 0;
    transmit.count = 1;
    transmit.destination = destination;
    transmit.tos = tos;
    transmit.peer = peer?.publicKey;
  }

  /**
   * The first `count` packets of a run, sealed: their messages are `length` bytes long, the last one
   * `lastLength`. The bytes stay where they are.
   */
  transmitRun(
    peer: Peer,
    tos: number,
    run: PacketRun,
    count: number,
    length: number,
    lastLength: number,
  ): void {
    if (!peer.endpoint) return;
    const transmit = this.#transmits.push();
    transmit.buffer = run.buffer;
    transmit.offset = run.offset - TRANSPORT_HEADER_LENGTH;
    transmit.length = count === 1 ? lastLength : length;
    transmit.lastLength = lastLength;
    transmit.stride = run.stride;
    transmit.count = count;
    transmit.destination = peer.endpoint;
    transmit.tos = tos;
    transmit.peer = peer.publicKey;
  }

  packet(peer: Peer | undefined, buffer: Uint8Array, offset: number, length: number): void {
    const view = this.#packets.push();
    view.buffer = buffer;
    view.offset = offset;
    view.length = length;
    view.peer = peer?.publicKey;
  }

  event(event: EngineEvent): void {
    this.#events.push(event);
  }

  trace(peer: Peer, step: TraceStep): void {
    if (!this.traces) return;
    this.event({ type: 'trace', peer: peer.publicKey, step, sends: peer.handshakeSends });
  }

  /** Something about the peer has changed, or it is no more. */
  news(peer: Peer, state: 'present' | 'removed'): void {
    if (!this.tellsPeers) return;
    const { publicKey, endpoint, lastHandshakeUnixMs } = peer;
    const sessionKeys = peer.keypairs.current?.statics;
    const news: PeerNews = { type: 'peer', peer: publicKey, state, endpoint, lastHandshakeUnixMs };
    this.event(sessionKeys ? { ...news, sessionKeys } : news);
  }

  nextTransmit(): Transmit | undefined {
    return this.#transmits.shift();
  }

  nextPacket(): PacketView | undefined {
    return this.#packets.shift();
  }

  nextEvent(): EngineEvent | undefined {
    const event = this.#events[this.#firstEvent];
    if (event === undefined) return undefined;
    this.#firstEvent++;
    if (this.#firstEvent === this.#events.length) {
      this.#events = [];
      this.#firstEvent = 0;
    }
    return event;
  }
}

/** First in, first out; the objects stay and are handed out again when the queue was emptied. */
class ReusedQueue<T> {
  readonly #create: () => T;
  readonly #items: T[] = [];
  #first = 0;
  #end = 0;

  constructor(create: () => T) {
    this.#create = create;
  }

  push(): T {
    if (this.#first === this.#end) this.#restart();
    if (this.#end === this.#items.length) this.#items.push(this.#create());
    return this.#items[this.#end++];
  }

  shift(): T | undefined {
    return this.#first === this.#end ? undefined : this.#items[this.#first++];
  }

  #restart(): void {
    this.#first = 0;
    this.#end = 0;
    // A burst (link-up with many peers) must not keep its memory for good.
    if (this.#items.length > KEPT_ITEMS) this.#items.length = KEPT_ITEMS;
  }
}

const KEPT_ITEMS = 1024;
