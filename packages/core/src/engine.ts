/**
 * `Engine`: the whole protocol as one object that is told what happens and says what to do.
 *
 * Everything follows one loop:
 *
 * 1. Give an input: `handlePacket` (from the interface), `handleDatagram` (from the network),
 *    `handleTimeout` (a deadline passed), or `configure`, `connect`, `linkUp`, `linkDown`. Callers
 *    with many packets give batches: `handlePackets` or `openDatagram` again and again, then
 *    `finishBatch`.
 * 2. `pollTransmit()` until undefined: send these datagrams.
 * 3. `pollPacket()` until undefined: write these packets to the interface.
 * 4. `pollEvent()` until undefined: tell whoever wants to know.
 * 5. `pollTimeout()`: the time of the next deadline.
 * 6. Sleep until an input comes or that time, whichever is first, and start again at 1.
 *
 * `now` is monotonic milliseconds that count suspended time (CLOCK_BOOTTIME on Linux).
 * Paper: sections 3 and 6. It opens no sockets and reads no clock.
 *
 * @module
 */
import { AllowedIps } from './routing/allowed-ips.ts';
import { applyConfiguration, wakePeers } from './flow/configuration.ts';
import { checkBytes, checkMtu, checkOptions, checkRange, checkTime } from './arguments.ts';
import type { EngineChange } from './configuration.ts';
import {
  DEFAULT_MTU,
  MESSAGE_TYPE,
  REJECT_AFTER_MESSAGES,
  REKEY_AFTER_MESSAGES,
  TRANSPORT_HEADER_LENGTH,
} from './constants.ts';
import { RateLimiter } from './rate/rate-limiter.ts';
import { nobleProvider } from './crypto/noble.ts';
import type { DropReason } from './drop-reason.ts';
import { Endpoint } from './endpoint.ts';
import type { EngineOptions } from './engine-options.ts';
import type { EngineState } from './engine-state.ts';
import { copyPrivateKey, releaseKey } from './handshake/static-identity.ts';
import { TimestampSource } from './handshake/tai64n.ts';
import { receiveDatagram, settleReceived } from './flow/inbound.ts';
import { Jitter } from './rate/jitter.ts';
import { keyId, type PrivateKey, type PublicKey } from './keys.ts';
import { LoadMonitor } from './rate/load-monitor.ts';
import { forgetHandshakes, workOnHandshakes } from './flow/handshake-work.ts';
import { PendingHandshakes } from './rate/pending-handshakes.ts';
import { createInitiationBudget, createProbeBudget } from './flow/initiation-turns.ts';
import { HandshakeMessageBuffer } from './flow/handshake-message-buffer.ts';
import { RoutingLoops } from './flow/routing-loops.ts';
import { sendKeepalive, sendPackets, settleSent } from './flow/outbound.ts';
import { Outputs, type EngineEvent, type PacketView, type Transmit } from './outputs.ts';
import type { Keypair } from './peer/keypairs.ts';
import type { Peer } from './peer/peer.ts';
import { PeerTable } from './peer/peer-table.ts';
import { RoamReport } from './peer/roam-report.ts';
import { SenderIndexTable } from './peer/sender-index.ts';
import type { StaticPair } from './peer/static-pair.ts';
import { forgetSource, resetPeer } from './flow/session-lifecycle.ts';
import { EngineStats, peerStatus, type PeerStatus } from './stats.ts';
import { fireTimers } from './flow/timer-expiry.ts';
import { TimerTable } from './peer/timer-table.ts';
import { TokenBucket } from './rate/token-bucket.ts';
import { ROOM_BEHIND } from './wire/transport-data.ts';
import { checkConfiguration } from './validation.ts';
import { readPublicKey } from './values.ts';
import type { PacketRun } from './wire/packet-run.ts';

const NO_BYTES = new Uint8Array(0);

/** The inside of an engine: for the tests of this package, which look at what no caller may change. */
export let stateOf: (engine: Engine) => EngineState;

export class Engine {
  static {
    stateOf = (engine) => engine.#state;
  }

  readonly stats: EngineStats = new EngineStats();
  readonly #state: EngineState;
  /** What `handlePacketAt` makes of its arguments. */
  readonly #single: PacketRun = {
    buffer: NO_BYTES,
    offset: 0,
    stride: 0,
    length: 0,
    lastLength: 0,
    count: 1,
  };

  /**
   * Starts with the link up, no key and no peers.
   *
   * @throws {TypeError | RangeError} an option of the wrong type or outside its range
   */
  constructor(options: EngineOptions) {
    this.#state = createState(options, this.stats);
  }

  /**
   * Changes keys and peers, on a running engine too. Everything is copied. Checked whole before any of
   * it takes effect.
   *
   * @throws {TypeError | RangeError} a field of the wrong type or range, by its name
   * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`, `ERR_LITZ_TOO_MANY_PEERS`
   */
  configure(change: EngineChange, now: number): void {
    checkTime(now);
    this.prepare(change)(now);
  }

  /**
   * Checks a change as `configure` does, and throws what it throws. Nothing has taken effect yet when
   * this returns: the function that is returned does it. It is to be called at once, with `now`, if at
   * all, and whatever it should throw is no mistake of the change's.
   */
  prepare(change: EngineChange): (now: number) => void {
    const checked = checkConfiguration(change, this.#state);
    return (now) => {
      checkTime(now);
      this.finishBatch(now);
      applyConfiguration(this.#state, checked, now);
    };
  }

  get mtu(): number {
    return this.#state.mtu;
  }

  /** Of the inner packets; may change at any time. */
  set mtu(mtu: number) {
    checkMtu(mtu);
    this.#state.mtu = mtu;
  }

  /** Makes `trace` events, a few per handshake. Off at first: then they cost nothing. */
  get traces(): boolean {
    return this.#state.outputs.traces;
  }

  set traces(traces: boolean) {
    this.#state.outputs.traces = traces;
  }

  /** Makes `peer` events. Off at first: then they cost nothing. */
  get tellsPeers(): boolean {
    return this.#state.outputs.tellsPeers;
  }

  set tellsPeers(tellsPeers: boolean) {
    this.#state.outputs.tellsPeers = tellsPeers;
  }

  /** A copy; undefined without a private key. */
  get publicKey(): PublicKey | undefined {
    return this.#state.identity?.publicKey.slice() as PublicKey | undefined;
  }

  /** A copy, which whoever asks for it wipes; undefined without one. */
  get privateKey(): PrivateKey | undefined {
    return this.#state.identity && copyPrivateKey(this.#state.identity);
  }

  /** Of the key that this device goes over to: a copy; undefined without one. */
  get nextPublicKey(): PublicKey | undefined {
    return this.#state.nextIdentity?.publicKey.slice() as PublicKey | undefined;
  }

  /** That key: a copy, which whoever asks for it wipes; undefined without one. */
  get nextPrivateKey(): PrivateKey | undefined {
    return this.#state.nextIdentity && copyPrivateKey(this.#state.nextIdentity);
  }

  /** The interface went up: peers with a persistent keepalive hear of us at once. */
  linkUp(now: number): void {
    checkTime(now);
    this.finishBatch(now);
    if (this.#state.up) return;
    this.#state.up = true;
    wakePeers(this.#state, now);
  }

  /** The interface went down: sessions and staged packets are gone, all timers stop. */
  linkDown(now: number): void {
    checkTime(now);
    this.finishBatch(now);
    if (!this.#state.up) return;
    this.#state.up = false;
    forgetHandshakes(this.#state);
    for (const peer of this.#state.peers.values()) resetPeer(this.#state, peer, 'link-down');
    if (this.#state.identity) releaseKey(this.#state.identity);
    if (this.#state.nextIdentity) releaseKey(this.#state.nextIdentity);
  }

  /**
   * Starts a handshake with a peer if there is no session and none is in progress.
   *
   * @returns whether there is a session
   * @throws {RangeError} no such peer
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

  /** Of the peers that have one, with their sticky source. Peers may come and go meanwhile. */
  *endpoints(): IterableIterator<Endpoint> {
    for (const { endpoint } of this.#state.peers.values()) if (endpoint) yield endpoint;
  }

  /** Lets the kernel choose again from where to send to the endpoints that `isStale` says it of. */
  forgetSources(isStale: (endpoint: Endpoint) => boolean): void {
    for (const peer of this.#state.peers.values()) {
      if (peer.endpoint && isStale(peer.endpoint)) forgetSource(peer);
    }
  }

  /**
   * A packet from the interface; copied. A reason: it was dropped and counted. Staged is not dropped.
   *
   * @throws {TypeError} `packet` is no Uint8Array, or `now` no finite number
   */
  handlePacket(packet: Uint8Array, now: number): DropReason | undefined {
    checkBytes(packet, 'packet');
    const room = new Uint8Array(TRANSPORT_HEADER_LENGTH + packet.length + ROOM_BEHIND);
    room.set(packet, TRANSPORT_HEADER_LENGTH);
    return this.handlePacketAt(room, TRANSPORT_HEADER_LENGTH, packet.length, now);
  }

  /**
   * A packet from the interface, `length` bytes at `offset`, sealed where it stands: 16 bytes in front
   * of it and 31 behind are written to. The buffer is lent until the transmits are polled.
   *
   * @throws {RangeError} there is not that much room
   */
  handlePacketAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): DropReason | undefined {
    checkRange(buffer, offset, length, TRANSPORT_HEADER_LENGTH, ROOM_BEHIND);
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
   * Packets of one flow from the interface, sealed where they stand. The room around them is the
   * caller's to have: it is not checked again. Their counters and timers are brought up to date by
   * `finishBatch`, which ends a batch of such calls. Every other input with a
   * `now` ends it too.
   *
   * @param run borrowed for the call; its buffer is lent until the transmits are polled
   * @returns why the last packet was dropped; undefined if it was sent or staged
   */
  handlePackets(run: PacketRun, now: number): DropReason | undefined {
    checkTime(now);
    settleReceived(this.#state, now);
    return sendPackets(this.#state, run, now);
  }

  /**
   * A datagram from the network; opened in place, its content is lost, lent until the packets are
   * polled. `ecn`: the low two bits of its TOS byte. Never throws for what is in it.
   *
   * @throws {TypeError} an argument of the wrong type
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
   * The same with `length` bytes at `offset`.
   *
   * @returns why it was dropped; undefined if it was not, or if it is a handshake message that has to wait
   */
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
      outputs.packet(received.keypair?.peer, buffer, offset + TRANSPORT_HEADER_LENGTH, opened);
    }
    const { handshakes } = this.#state;
    const waiting = handshakes.queue.lastSequence;
    this.finishBatch(now);
    if (typeof opened === 'string') return opened;
    const isDone = isHandshake && handshakes.lastSequence === waiting;
    return isDone ? handshakes.lastReason : undefined;
  }

  /**
   * A datagram of a batch, for callers with many: as `handleDatagramAt`, but a packet in it is not
   * queued for `pollPacket`. Endpoint, counters and timers of its peer are brought up to date by
   * `finishBatch`, which ends the batch. Every other input with a `now` ends it too. The range is not
   * checked.
   *
   * @returns the length of the packet, which begins at `offset + 16`; 0: there is none; or a reason: it
   *   was dropped and counted
   */
  openDatagram(
    buffer: Uint8Array,
    offset: number,
    length: number,
    source: Endpoint,
    ecn: number,
    now: number,
  ): number | DropReason {
    checkTime(now);
    settleSent(this.#state, now);
    return receiveDatagram(this.#state, buffer, offset, length, source, ecn, now);
  }

  /**
   * Does what is done once per batch of `handlePackets` or `openDatagram`, and works on the handshake
   * messages that came with it. What there is no time for is left until `pollTimeout`.
   */
  finishBatch(now: number): void {
    settleSent(this.#state, now);
    settleReceived(this.#state, now);
    workOnHandshakes(this.#state, now);
  }

  /** Does everything that is due at `now`. */
  handleTimeout(now: number): void {
    checkTime(now);
    this.finishBatch(now);
    fireTimers(this.#state, now);
    this.#state.roams.tell(now);
  }

  /** The next datagram to send. */
  pollTransmit(): Transmit | undefined {
    return this.#state.outputs.nextTransmit();
  }

  /** The next packet for the interface. */
  pollPacket(): PacketView | undefined {
    return this.#state.outputs.nextPacket();
  }

  pollEvent(): EngineEvent | undefined {
    return this.#state.outputs.nextEvent();
  }

  /**
   * When to call `handleTimeout`, in the milliseconds of `now`; Infinity if there is no need. At
   * that time there is something to do. One exception: while peers roam, it may be up to a second early.
   */
  pollTimeout(): number {
    const { timers, roams, handshakes } = this.#state;
    return Math.min(timers.first(), roams.due, handshakes.due);
  }

  /** Snapshots of all peers, in the order in which they were added. */
  peers(): PeerStatus[] {
    return [...this.peerStatuses()];
  }

  /**
   * The same one by one, each as it is when it is asked for. The engine may change in between: a peer
   * that was removed is left out, and so is one that was added since the first was asked for.
   */
  *peerStatuses(): Generator<PeerStatus, void, undefined> {
    const { peers, allowedIps, lastPeerNumber } = this.#state;
    for (const peer of peers.values()) {
      // Those that were added later stand behind the others, also if they were there before.
      if (peer.number > lastPeerNumber) return;
      yield peerStatus(peer, allowedIps);
    }
  }

  /** @throws {TypeError | WireGuardError} `ERR_LITZ_INVALID_KEY`: no key at all */
  hasPeer(publicKey: string | PublicKey): boolean {
    return this.#peerOf(publicKey) !== undefined;
  }

  /** @throws {TypeError | WireGuardError} `ERR_LITZ_INVALID_KEY`: no key at all */
  peer(publicKey: string | PublicKey): PeerStatus | undefined {
    const peer = this.#peerOf(publicKey);
    return peer && peerStatus(peer, this.#state.allowedIps);
  }

  #peerOf(publicKey: string | PublicKey): Peer | undefined {
    return this.#state.peers.get(keyId(readPublicKey(publicKey, 'publicKey')));
  }
}

function createState(options: EngineOptions, stats: EngineStats): EngineState {
  checkOptions(options);
  const { randomBytes, unixTime, crypto = nobleProvider } = options;
  const { mtu = DEFAULT_MTU, limits = {}, underLoad = {}, handshakeGiveUpMs } = options;
  const outputs = new Outputs();
  const indices = new SenderIndexTable<StaticPair<Peer>, Keypair<Peer>>(randomBytes);
  return {
    crypto,
    randomBytes,
    unixTime,
    limits: {
      rekeyAfterMessages: limits.rekeyAfterMessages ?? REKEY_AFTER_MESSAGES,
      rejectAfterMessages: limits.rejectAfterMessages ?? REJECT_AFTER_MESSAGES,
    },
    giveUpMs: handshakeGiveUpMs,
    mtu,
    up: true,
    identity: undefined,
    macChecker: undefined,
    nextIdentity: undefined,
    nextMacChecker: undefined,
    peers: new PeerTable(),
    lastPeerNumber: 0,
    peersBySlot: [],
    allowedIps: new AllowedIps(),
    indices,
    routingLoops: new RoutingLoops(indices),
    timers: new TimerTable(),
    jitter: new Jitter(randomBytes),
    timestamps: new TimestampSource(unixTime),
    handshakes: new PendingHandshakes(),
    initiations: createInitiationBudget(),
    probes: createProbeBudget(),
    load: new LoadMonitor(underLoad.handshakesPerSecond ?? HANDSHAKES_PER_SECOND),
    rateLimiter: new RateLimiter(),
    unreachables: new TokenBucket(UNREACHABLES_PER_SECOND, UNREACHABLES_BURST),
    outputs,
    roams: new RoamReport(outputs),
    handshakeMessages: new HandshakeMessageBuffer(),
    stats,
    sent: { keypair: undefined, messages: 0, bytes: 0 },
    received: { keypair: undefined, source: undefined, messages: 0, bytes: 0, hasData: false },
  };
}

/** More than this is answered with cookies. One costs about 0.1 ms with OpenSSL, 5 ms with noble. */
const HANDSHAKES_PER_SECOND = 100;
/** The kernel's icmp_msgs_per_sec and icmp_msgs_burst. */
const UNREACHABLES_PER_SECOND = 1000;
const UNREACHABLES_BURST = 50;
