/**
 * `Engine`: the whole protocol in one object. The caller reports what happens, and the engine
 * returns what to do.
 *
 * Every caller follows the same loop:
 *
 * 1. Give an input: `handlePacket` (from the interface), `handleDatagram` (from the network),
 *    `handleTimeout` (a deadline passed), or `configure`, `connect`, `linkUp`, `linkDown`. Callers
 *    with many packets give batches: `handlePackets` or `openDatagram` several times, then
 *    `finishBatch`.
 * 2. Call `pollTransmit()` until it returns undefined, and send these datagrams.
 * 3. Call `pollPacket()` until it returns undefined, and write these packets to the interface.
 * 4. Call `pollEvent()` until it returns undefined, and handle these events.
 * 5. Call `pollTimeout()`, which returns the time of the next deadline.
 * 6. Sleep until an input arrives or until that time, whichever is first, and start again at 1.
 *
 * `now` is a monotonic clock in milliseconds that includes suspended time (CLOCK_BOOTTIME on
 * Linux). Sections 3 and 6 of the WireGuard paper describe what the engine does. The engine opens
 * no sockets and reads no clock.
 *
 * @module
 */
import { checkBytes, checkMtu, checkRange, checkTime } from './arguments.ts';
import type { EngineChange } from './configuration.ts';
import { MESSAGE_TYPE, TRANSPORT_HEADER_LENGTH } from './constants.ts';
import { createEngineState } from './create-engine-state.ts';
import type { DropReason } from './drop-reason.ts';
import { Endpoint } from './endpoint.ts';
import type { EngineOptions } from './engine-options.ts';
import type { EngineState } from './engine-state.ts';
import { applyConfiguration, contactPeers } from './flow/configuration.ts';
import { dropHandshakes, processHandshakes } from './flow/handshake-work.ts';
import { finishReceived, receiveDatagram } from './flow/inbound.ts';
import { finishSent, sendKeepalive, sendPackets } from './flow/outbound.ts';
import { forgetSource, resetPeer } from './flow/session-lifecycle.ts';
import { fireTimers } from './flow/timer-expiry.ts';
import { copyPrivateKey, releaseKey } from './handshake/static-identity.ts';
import { keyId, type PrivateKey, type PublicKey } from './keys.ts';
import type { EngineEvent, PacketView, Transmit } from './outputs.ts';
import type { Peer } from './peer/peer.ts';
import { createPeerStatus, EngineStats, statusesInSteps, type PeerStatus } from './stats.ts';
import { runSteps } from './steps.ts';
import { checkConfiguration } from './validation.ts';
import { readPublicKey } from './values.ts';
import type { PacketRun } from './wire/packet-run.ts';
import { beginTransportData, TAILROOM } from './wire/transport-data.ts';

/** Returns the state of an engine. For this package and its tests only. */
export let stateOf: (engine: Engine) => EngineState;

/**
 * The WireGuard protocol for one device, without I/O. The first comment of this file describes the
 * loop that drives it.
 *
 * All times are monotonic milliseconds. After a method with a `now`, poll the outputs until they
 * are empty. Network input never throws; only wrong arguments of the caller do. Every method with a
 * `now`, except `finishBatch`, throws a TypeError if `now` is not a finite number.
 *
 * @example
 *
 * ```ts
 * import { Engine, generateKeyPair } from '@litz/core';
 *
 * const randomBytes = (out: Uint8Array) => void crypto.getRandomValues(out);
 * const engine = new Engine({ randomBytes, unixTime: Date.now });
 * const { privateKey } = generateKeyPair();
 * const peer = {
 *   publicKey: generateKeyPair().publicKey,
 *   endpoint: '192.0.2.1:51820',
 *   allowedIps: ['10.0.0.2'],
 * };
 * engine.configure({ privateKey, peers: [peer] }, performance.now());
 * engine.connect(peer.publicKey, performance.now());
 * const initiation = engine.pollTransmit();
 * console.log(`${initiation?.destination}`, initiation?.length); //=> 192.0.2.1:51820 148
 * ```
 */
export class Engine {
  static {
    stateOf = (engine) => engine.#state;
  }

  /** Counters since the engine was created. The object is live, not a copy. */
  readonly stats: EngineStats = new EngineStats();
  readonly #state: EngineState;
  /**
   * The arguments of `handlePacketAt` as a run. It is reused, so that nothing is allocated per
   * packet.
   */
  readonly #single: PacketRun = {
    buffer: NO_BYTES,
    offset: 0,
    stride: 0,
    length: 0,
    lastLength: 0,
    count: 1,
  };

  /**
   * Creates an engine with the link up, without a key and without peers.
   *
   * @throws {TypeError | RangeError} an option has the wrong type or is out of range
   */
  constructor(options: EngineOptions) {
    this.#state = createEngineState(options, this.stats);
  }

  /**
   * Changes keys and peers. The engine may be in use. The whole change is checked before any part
   * of it takes effect. Everything is copied.
   *
   * @throws {TypeError | RangeError} a field has the wrong type or is out of range; the message
   *   names it
   * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`, `ERR_LITZ_INVALID_ENDPOINT`,
   *   `ERR_LITZ_INVALID_CIDR`, `ERR_LITZ_TOO_MANY_PEERS`
   */
  configure(change: EngineChange, now: number): void {
    checkTime(now);
    this.prepare(change)(now);
  }

  /**
   * Checks a change as `configure` does, and throws the same errors. Returns a function that
   * applies the change. Call that function at once, with `now`, or not at all. The fields of the
   * change were checked before, so an error from the returned function is a bug in Litz, not in the
   * change.
   */
  prepare(change: EngineChange): (now: number) => void {
    const checked = checkConfiguration(change, this.#state);
    return (now) => {
      checkTime(now);
      this.finishBatch(now);
      runSteps(applyConfiguration(this.#state, checked, () => now));
    };
  }

  get mtu(): number {
    return this.#state.mtu;
  }

  /**
   * The MTU of the interface in bytes, 1 to 65535. Padding never makes a packet longer than this.
   * The MTU may change at any time.
   */
  set mtu(mtu: number) {
    checkMtu(mtu);
    this.#state.mtu = mtu;
  }

  /**
   * Whether the engine emits `trace` events, a few per handshake. The default is false; then these
   * events cost nothing.
   */
  get traces(): boolean {
    return this.#state.outputs.traces;
  }

  set traces(traces: boolean) {
    this.#state.outputs.traces = traces;
  }

  /**
   * Whether the engine emits `peer` events. The default is false; then these events cost nothing.
   */
  get emitsPeerEvents(): boolean {
    return this.#state.outputs.emitsPeerEvents;
  }

  set emitsPeerEvents(emitsPeerEvents: boolean) {
    this.#state.outputs.emitsPeerEvents = emitsPeerEvents;
  }

  /** A copy of our public key; undefined if there is no private key. */
  get publicKey(): PublicKey | undefined {
    return this.#state.identity?.publicKey.slice() as PublicKey | undefined;
  }

  /** A copy of our private key, which the caller must wipe; undefined if there is none. */
  get privateKey(): PrivateKey | undefined {
    return this.#state.identity && copyPrivateKey(this.#state.identity);
  }

  /** A copy of the public key that will replace ours; undefined if there is none. */
  get nextPublicKey(): PublicKey | undefined {
    return this.#state.nextIdentity?.publicKey.slice() as PublicKey | undefined;
  }

  /**
   * A copy of the private key that will replace ours, which the caller must wipe; undefined if
   * there is none.
   */
  get nextPrivateKey(): PrivateKey | undefined {
    return this.#state.nextIdentity && copyPrivateKey(this.#state.nextIdentity);
  }

  /**
   * Reports that the interface is up. The engine starts handshakes with all peers that have an
   * endpoint and a persistent keepalive. If there are many of these peers, the handshakes are
   * spread over time.
   */
  linkUp(now: number): void {
    checkTime(now);
    this.finishBatch(now);
    if (this.#state.up) return;
    this.#state.up = true;
    contactPeers(this.#state, now);
  }

  /**
   * Reports that the interface is down. All sessions and staged packets are dropped; all timers
   * stop.
   */
  linkDown(now: number): void {
    checkTime(now);
    this.finishBatch(now);
    if (!this.#state.up) return;
    this.#state.up = false;
    dropHandshakes(this.#state);
    for (const peer of this.#state.peers.values()) resetPeer(this.#state, peer, 'link-down');
    if (this.#state.identity) releaseKey(this.#state.identity);
    if (this.#state.nextIdentity) releaseKey(this.#state.nextIdentity);
  }

  /**
   * Starts a handshake with a peer if there is no session and no handshake in progress.
   *
   * @returns whether there is a session
   * @throws {RangeError} there is no such peer
   * @throws {TypeError | WireGuardError} `ERR_LITZ_INVALID_KEY`: `publicKey` is not a key
   */
  connect(publicKey: string | PublicKey, now: number): boolean {
    checkTime(now);
    this.finishBatch(now);
    const peer = this.#peerOf(publicKey);
    if (!peer) throw new RangeError('"publicKey" expected the key of a configured peer');
    if (peer.sendKeypair(now)) return true;
    sendKeepalive(this.#state, peer, now);
    return false;
  }

  /**
   * Iterates over the endpoints of all peers that have one. An endpoint includes the sticky source.
   * Peers may be added and removed during the iteration.
   */
  *endpoints(): IterableIterator<Endpoint> {
    for (const { endpoint } of this.#state.peers.values()) if (endpoint) yield endpoint;
  }

  /**
   * Removes the sticky source of all endpoints for which `isStale` returns true. The kernel then
   * chooses the source again.
   */
  forgetSources(isStale: (endpoint: Endpoint) => boolean): void {
    for (const peer of this.#state.peers.values()) {
      if (peer.endpoint && isStale(peer.endpoint)) forgetSource(peer);
    }
  }

  /**
   * Sends a packet from the interface. The packet is copied.
   *
   * @returns why the packet was dropped; undefined if it was sent or staged
   * @throws {TypeError} `packet` is not a Uint8Array, or `now` is not a finite number
   */
  handlePacket(packet: Uint8Array, now: number): DropReason | undefined {
    checkBytes(packet, 'packet');
    const buffer = new Uint8Array(TRANSPORT_HEADER_LENGTH + packet.length + TAILROOM);
    buffer.set(packet, TRANSPORT_HEADER_LENGTH);
    return this.handlePacketAt(buffer, TRANSPORT_HEADER_LENGTH, packet.length, now);
  }

  /**
   * Sends a packet from the interface: `length` bytes at `offset`. It is sealed in place, and up to
   * 16 bytes in front of it and 31 bytes behind it are overwritten. The engine uses the buffer
   * until the transmits are polled.
   *
   * @returns why the packet was dropped; undefined if it was sent or staged
   * @throws {TypeError | RangeError} `buffer` is not a Uint8Array, or there is not that much space
   *   around the packet
   */
  handlePacketAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): DropReason | undefined {
    checkRange(buffer, offset, length, TRANSPORT_HEADER_LENGTH, TAILROOM);
    const run = this.#single;
    run.buffer = buffer;
    run.offset = offset;
    run.length = length;
    run.lastLength = length;
    const reason = this.handlePackets(run, now);
    run.buffer = NO_BYTES;
    this.finishBatch(now);
    return reason;
  }

  /**
   * Sends packets of one flow from the interface. They are sealed in place. The caller guarantees
   * the space around each packet that `PacketRun.stride` describes; the space is not checked.
   * `finishBatch`, or any other input with a `now`, ends the batch and updates counters and timers.
   *
   * @param run borrowed for the call; the engine uses its buffer until the transmits are polled
   * @returns why the last packet was dropped; undefined if it was sent or staged
   */
  handlePackets(run: PacketRun, now: number): DropReason | undefined {
    checkTime(now);
    finishReceived(this.#state, now);
    return sendPackets(this.#state, run, now);
  }

  /**
   * Processes a datagram from the network. It is opened in place, so its content is overwritten.
   * The engine uses the datagram until the packets are polled. Nothing in a datagram makes this
   * function throw.
   *
   * @param ecn the low two bits of the datagram's TOS byte
   * @returns why the datagram was dropped; undefined if it was accepted, or if it is a handshake
   *   message that has to wait
   * @throws {TypeError} an argument has the wrong type
   */
  handleDatagram(
    datagram: Uint8Array,
    source: Endpoint,
    now: number,
    ecn = 0,
  ): DropReason | undefined {
    checkBytes(datagram, 'datagram');
    return this.handleDatagramAt(datagram, 0, datagram.length, source, ecn, now);
  }

  /**
   * Processes a datagram of `length` bytes at `offset`, as `handleDatagram` does.
   *
   * @returns why the datagram was dropped; undefined if it was accepted, or if it is a handshake
   *   message that has to wait
   * @throws {TypeError | RangeError} an argument has the wrong type, or the range is not within the
   *   buffer
   */
  // oxlint-disable-next-line max-params -- called per packet: an object would be garbage
  handleDatagramAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    source: Endpoint,
    ecn: number,
    now: number,
  ): DropReason | undefined {
    checkRange(buffer, offset, length, 0, 0);
    if (!(source instanceof Endpoint)) throw new TypeError('"source" expected an Endpoint');
    const isHandshake = buffer[offset] !== MESSAGE_TYPE.TRANSPORT_DATA;
    const opened = this.openDatagram(buffer, offset, length, source, ecn, now);
    if (typeof opened === 'number' && opened > 0) {
      const { outputs, received } = this.#state;
      outputs.queuePacket(received.keypair?.peer, buffer, offset + TRANSPORT_HEADER_LENGTH, opened);
    }
    const { handshakes } = this.#state;
    const waiting = handshakes.queue.lastSequence;
    this.finishBatch(now);
    if (typeof opened === 'string') return opened;
    const isDone = isHandshake && handshakes.lastSequence === waiting;
    return isDone ? handshakes.lastReason : undefined;
  }

  /**
   * Processes one datagram of a batch, as `handleDatagramAt` does, for callers with many datagrams.
   * A packet in the datagram is not queued for `pollPacket`: the caller takes the packet from the
   * buffer. The range is not checked. `finishBatch`, or any other input with a `now`, ends the
   * batch and updates endpoint, counters and timers of the peer.
   *
   * @returns the length of the packet, which begins at `offset + 16`; 0 if there is none; or why
   *   the datagram was dropped
   */
  // oxlint-disable-next-line max-params -- called per packet: an object would be garbage
  openDatagram(
    buffer: Uint8Array,
    offset: number,
    length: number,
    source: Endpoint,
    ecn: number,
    now: number,
  ): number | DropReason {
    checkTime(now);
    finishSent(this.#state, now);
    return receiveDatagram(this.#state, buffer, offset, length, source, ecn, now);
  }

  /**
   * Begins to open a datagram in another thread, if the crypto provider shares work. The state of
   * the engine does not change. Before any other input, call `openDatagram` for the same datagrams,
   * in the same order.
   *
   * @throws {TypeError} `buffer` is not a Uint8Array
   */
  beginDatagram(buffer: Uint8Array, offset: number, length: number): void {
    checkBytes(buffer, 'buffer');
    beginTransportData(this.#state.indices, buffer, offset, length);
  }

  /**
   * Ends a batch of `handlePackets` or `openDatagram`: updates counters and timers, and processes
   * the handshake messages that arrived with the batch. Messages that may not be processed yet wait
   * until the time that `pollTimeout` returns.
   */
  finishBatch(now: number): void {
    finishSent(this.#state, now);
    finishReceived(this.#state, now);
    processHandshakes(this.#state, now);
  }

  /** Does everything that is due at `now`. */
  handleTimeout(now: number): void {
    checkTime(now);
    this.finishBatch(now);
    fireTimers(this.#state, now);
    this.#state.roams.emitDue(now);
  }

  /**
   * Returns the next datagram to send; undefined if there is none. It is valid until the next
   * input.
   */
  pollTransmit(): Transmit | undefined {
    return this.#state.outputs.nextTransmit();
  }

  /**
   * Returns the next packet for the interface; undefined if there is none. It is valid until the
   * next input.
   */
  pollPacket(): PacketView | undefined {
    return this.#state.outputs.nextPacket();
  }

  /** Returns the next event; undefined if there is none. */
  pollEvent(): EngineEvent | undefined {
    return this.#state.outputs.nextEvent();
  }

  /**
   * Returns the time at which to call `handleTimeout`, in the milliseconds of `now`; Infinity if
   * there is no deadline. The time is exact: something is due then. There are two exceptions. While
   * peers roam, the time may be up to a second too early. If `handleTimeout` was called late while
   * many peers waited for a handshake, the time may be too early by at most as much as that call
   * was late.
   */
  pollTimeout(): number {
    const { timers, roams, handshakes } = this.#state;
    return Math.min(timers.firstDeadline(), roams.due, handshakes.due);
  }

  /** Returns snapshots of all peers, in the order in which they were added. */
  peers(): PeerStatus[] {
    return [...this.peerStatuses()];
  }

  /**
   * Iterates over snapshots of all peers. Each snapshot is made when it is asked for, and the
   * engine may change in between. Peers that are removed meanwhile are left out, and so are peers
   * that are added after the first snapshot was asked for.
   */
  *peerStatuses(): Generator<PeerStatus, void, undefined> {
    for (const steps of statusesInSteps(this.#state)) yield runSteps(steps);
  }

  /**
   * Returns whether there is a peer with this current or next key.
   *
   * @throws {TypeError | WireGuardError} `ERR_LITZ_INVALID_KEY`: the argument is not a key
   */
  hasPeer(publicKey: string | PublicKey): boolean {
    return this.#peerOf(publicKey) !== undefined;
  }

  /**
   * Returns a snapshot of the peer with this current or next key; undefined if there is none.
   *
   * @throws {TypeError | WireGuardError} `ERR_LITZ_INVALID_KEY`: the argument is not a key
   */
  peer(publicKey: string | PublicKey): PeerStatus | undefined {
    const peer = this.#peerOf(publicKey);
    return peer && createPeerStatus(peer, this.#state.allowedIps);
  }

  #peerOf(publicKey: string | PublicKey): Peer | undefined {
    return this.#state.peers.get(keyId(readPublicKey(publicKey, 'publicKey')));
  }
}

const NO_BYTES = new Uint8Array(0);
