/**
 * The outputs of an engine: datagrams for the network, packets for the interface, and events.
 *
 * @module
 */
import { TRANSPORT_HEADER_LENGTH } from './constants.ts';
import type { Endpoint } from './endpoint.ts';
import type { PublicKey } from './keys.ts';
import type { SessionStaticKeys } from './peer/keypairs.ts';
import type { Peer } from './peer/peer.ts';
import type { DatagramRun } from './wire/datagram-run.ts';
import type { PacketRun } from './wire/packet-run.ts';

/** Something that happened to a peer. Events are rare: there is none per packet. */
export type EngineEvent =
  /**
   * A handshake was completed: both sides have the keys of the new session. `keys` are the static
   * keys with which the session was made. `durationMs` is the time from our initiation to the
   * response. It is absent if the peer initiated.
   */
  | {
      type: 'handshake';
      peer: PublicKey;
      role: 'initiator' | 'responder';
      keys: SessionStaticKeys;
      durationMs?: number;
    }
  /**
   * `up`: packets can be sent to the peer; `renewed`: a newer session replaced the old session;
   * `expired`: packets can no longer be sent without a new handshake.
   */
  | { type: 'session'; peer: PublicKey; state: 'up' | 'renewed' | 'expired' }
  /**
   * The peer is reached at a new address or port. There is at most one `roam` event per second and
   * peer, so after several changes only the last change is reported.
   */
  | { type: 'roam'; peer: PublicKey; endpoint: Endpoint; previous: Endpoint | undefined }
  /** The engine gave up a handshake (see `handshakeGiveUpMs`) and dropped the staged packets. */
  | { type: 'handshake-failed'; peer: PublicKey }
  /**
   * The name of a peer's endpoint should be looked up, because the last two or more initiations
   * were not answered, or because the peer has a name and no endpoint. While initiations stay
   * unanswered, the event is emitted with each further initiation. `endpoint` is the present
   * endpoint. Only for peers with an `endpointName`.
   */
  | {
      type: 'unanswered';
      peer: PublicKey;
      endpointName: string;
      endpoint: Endpoint | undefined;
    }
  /**
   * One protocol step of a peer, for logs. Emitted only while `Engine.traces` is true. `sends` is
   * the number of initiations sent in this handshake attempt.
   */
  | { type: 'trace'; peer: PublicKey; step: TraceStep; sends: number }
  /**
   * A peer was added or removed, got an endpoint, had its key replaced, completed a handshake, or
   * roamed. Each `roam` event is followed by a `peer` event. Emitted only while
   * `Engine.emitsPeerEvents` is true.
   */
  | PeerEvent;

/** The current values of a peer, after one of them has changed. */
export interface PeerEvent {
  type: 'peer';
  peer: PublicKey;
  change: 'updated' | 'removed';
  endpoint: Endpoint | undefined;
  /** Unix time in milliseconds of the last completed handshake; 0 if there was none. */
  lastHandshakeUnixMs: number;
  /** The static keys of the session used for sending; absent if there is none. */
  sessionStaticKeys?: SessionStaticKeys;
}

/** The steps that `trace` events report. */
export type TraceStep =
  | 'peer-added'
  | 'peer-removed'
  | 'key-promoted' // the peer's next key is now its key
  | 'initiation-sent'
  | 'probe-sent' // our next identity sent a probe, to learn whether the peer knows its key
  | 'initiation-received'
  | 'response-sent'
  | 'response-received'
  | 'cookie-received'
  | 'retrying' // there was no answer to the last initiation, so the next initiation is sent
  | 'gave-up' // there was no answer to any initiation
  | 'not-heard' // there was no answer to sent data, so a handshake begins
  | 'keypair-created'
  | 'keys-removed'; // no newer session came within three Reject-After-Times

/**
 * One datagram to send: `length` bytes of `buffer` at `offset`. After `handlePackets` it can be
 * `count` datagrams to one destination, all of the same length except the last. The object belongs
 * to the engine. The bytes are in the engine's memory or in the buffer of the packet. The object
 * and the bytes are valid until the next input of the engine.
 */
export class Transmit implements DatagramRun {
  buffer: Uint8Array = EMPTY;
  offset = 0;
  /** The length of each datagram but the last, in bytes. */
  length = 0;
  /** The length of the last datagram, at most `length`. */
  lastLength = 0;
  /** The distance from one datagram to the next, in bytes. */
  stride = 0;
  count = 1;
  // Assigned before the object is handed out.
  destination!: Endpoint;
  /** The whole TOS or traffic class byte, DSCP and ECN. */
  tos = 0;
  /** The peer that the message is for; undefined for a cookie reply. */
  peer: PublicKey | undefined = undefined;

  /** A new view of the bytes of the first datagram. */
  get datagram(): Uint8Array {
    return this.datagramAt(0);
  }

  /** Returns a new view of the bytes of datagram `index`, 0 to `count` - 1. */
  datagramAt(index: number): Uint8Array {
    const start = this.offset + index * this.stride;
    const length = index === this.count - 1 ? this.lastLength : this.length;
    return this.buffer.subarray(start, start + length);
  }
}

/**
 * One IP packet for the interface: `length` bytes of `buffer` at `offset`. The object belongs to
 * the engine. The bytes are in the engine's memory or in the datagram that was opened. The object
 * and the bytes are valid until the next input of the engine.
 */
export class PacketView {
  buffer: Uint8Array = EMPTY;
  offset = 0;
  length = 0;
  /** The peer that the packet came from; undefined for an ICMP message made by the engine. */
  peer: PublicKey | undefined = undefined;

  /** A new view of the bytes. */
  get packet(): Uint8Array {
    return this.buffer.subarray(this.offset, this.offset + this.length);
  }
}

/**
 * The queues that the poll functions read. `Transmit` and `PacketView` objects are reused once all
 * of them were taken, so a caller who drains the queues after every input causes no garbage.
 */
export class Outputs {
  readonly #transmits = new ReusedQueue(() => new Transmit());
  readonly #packets = new ReusedQueue(() => new PacketView());
  /** Whether to create `trace` events. */
  traces = false;
  /** Whether to create `peer` events. */
  emitsPeerEvents = false;
  #events: EngineEvent[] = [];
  #firstEvent = 0;

  /** Queues a datagram. The bytes are not copied. */
  // oxlint-disable-next-line max-params -- called per packet: an object would be garbage
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
   * Queues the first `count` packets of a sealed run. The messages are `length` bytes long; the
   * last one is `lastLength` bytes long. The bytes are not copied.
   */
  // oxlint-disable-next-line max-params -- called per packet: an object would be garbage
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

  queuePacket(peer: Peer | undefined, buffer: Uint8Array, offset: number, length: number): void {
    const view = this.#packets.push();
    view.buffer = buffer;
    view.offset = offset;
    view.length = length;
    view.peer = peer?.publicKey;
  }

  queueEvent(event: EngineEvent): void {
    this.#events.push(event);
  }

  trace(peer: Peer, step: TraceStep): void {
    if (!this.traces) return;
    this.queueEvent({ type: 'trace', peer: peer.publicKey, step, sends: peer.handshakeSends });
  }

  /** Emits a `peer` event after the peer has changed or was removed. */
  emitPeerEvent(peer: Peer, change: 'updated' | 'removed'): void {
    if (!this.emitsPeerEvents) return;
    const { publicKey, endpoint, lastHandshakeUnixMs } = peer;
    const sessionStaticKeys = peer.keypairs.current?.staticKeys;
    const event: PeerEvent = {
      type: 'peer',
      peer: publicKey,
      change,
      endpoint,
      lastHandshakeUnixMs,
    };
    this.queueEvent(sessionStaticKeys ? { ...event, sessionStaticKeys } : event);
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

/** First in, first out. The objects are kept and handed out again after the queue was emptied. */
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
    // After a burst (link-up with many peers), most of the memory is given up.
    if (this.#items.length > KEPT_ITEMS) this.#items.length = KEPT_ITEMS;
  }
}

/** How many objects a queue keeps for reuse. */
const KEPT_ITEMS = 1024;
const EMPTY = new Uint8Array(0);
