/**
 * `DataPlane`: engine, packet path and sockets of one device. It carries out changes of the link,
 * the port and the mark. Both drivers use it. It opens nothing and never waits.
 *
 * The driver opens sockets before anything is changed: `bindingFor` says which sockets a change
 * needs, and `configure` takes them. If the sockets cannot be opened, or the change is refused, the
 * old sockets stay.
 *
 * @module
 */
import {
  Engine,
  type CryptoProvider,
  type Endpoint,
  type EngineEvent,
  type EngineOptions,
  type PeerStatus,
  type PublicKey,
} from '@litz/core';
import {
  checkChange,
  prepareInSteps,
  restartSessions,
  restoreState,
  runSteps,
  saveState,
  type CheckedChange,
  type Steps,
} from '@litz/core/internals';
import type { DeviceConfiguration } from '@litz/config';
import type { ByteOperations } from '@litz/tun/offload';
import type { CaptureFilter } from '../capture/capture-options.ts';
import { CaptureTaps, type CaptureSystem } from '../capture/capture-taps.ts';
import type { DeviceStats, SnapshotSlice } from '../device-status.ts';
import type { SavedPlane } from '../hand-over/saved-device.ts';
import { changeMark } from './change-mark.ts';
import { DropReport, type DropEvent } from './drop-report.ts';
import { LoopTime } from './loop-time.ts';
import { LostOffloads } from './lost-offloads.ts';
import { PacketPath, type PacketPathOptions } from './packet-path.ts';
import type { PlaneEvent } from './plane-event.ts';
import type { PacketMemory } from './packet-memory.ts';
import type { Binding, DatagramSocket, SocketReports, Tun } from './io-interfaces.ts';
import { createRandomBytes } from './random-source.ts';
import { markRefused } from '../refusal.ts';
import { SnapshotReads } from './snapshot-reads.ts';

/** A change of a device whose fields were checked. */
export interface CheckedDeviceChange extends CheckedChange {
  readonly listenPort?: number | undefined;
  readonly fwmark?: number | undefined;
}

export interface DataPlaneOptions {
  readonly tun: Tun;
  readonly memory: PacketMemory;
  /** Copy and checksum operations on the memory's buffer. Default: in JavaScript. */
  readonly bytes?: ByteOperations | undefined;
  /** Threads that help the calling thread to seal and open. Default: none. */
  readonly threads?: PacketPathOptions['threads'];
  readonly onEvent: (event: PlaneEvent) => void;
  /** Called instead of `sockets.close()`, if given. */
  readonly closeSockets?: (sockets: DatagramSocket) => void;
  /** The optional events that are emitted until `listen` changes them. Default: none. */
  readonly listened?: readonly OptionalEvent[];
  /** What captures need from the system. Default: the clock of Node.js, and no reader is woken. */
  readonly capture?: CaptureSystem;
  readonly crypto?: CryptoProvider | undefined;
  readonly engine?: Pick<EngineOptions, 'handshakeGiveUpMs' | 'limits' | 'underLoad'>;
}

/**
 * An event that is emitted only while it has a listener: all events of the engine, and `drop`. The
 * reason is time: a server answers thousands of handshakes per second, and the event of a handshake
 * costs a third as much as the handshake itself.
 */
export type OptionalEvent = (EngineEvent | DropEvent)['type'];

/** The names of all optional events. */
export const OPTIONAL_EVENTS: readonly OptionalEvent[] = Object.keys({
  drop: true,
  handshake: true,
  'handshake-failed': true,
  peer: true,
  roam: true,
  session: true,
  trace: true,
  unanswered: true,
  // The compiler refuses this object if an event is missing. In an array, it would not notice a
  // missing event.
} satisfies Record<OptionalEvent, true>) as OptionalEvent[];

export class DataPlane {
  readonly path: PacketPath;
  /** The times of the driver's turns. */
  readonly loop: LoopTime = new LoopTime();
  /** The callbacks that sockets must be opened with. */
  readonly reports: SocketReports;
  /** Offloads that were requested but are off. `finish` reports each of them once. */
  readonly lostOffloads: LostOffloads = new LostOffloads();
  readonly #engine: Engine;
  readonly #tun: Tun;
  readonly #onEvent: (event: PlaneEvent) => void;
  readonly #closeSockets: (sockets: DatagramSocket) => void;
  readonly #drops: DropReport;
  /** Destinations whose sticky source failed. */
  readonly #lostSources: Set<Endpoint> = new Set();
  readonly #reads: SnapshotReads;
  readonly #threads: PacketPathOptions['threads'];
  readonly #captures: CaptureTaps;
  #listened: ReadonlySet<string> = new Set();
  /** The configured port; 0 means any free port, chosen when the link goes up. */
  #listenPort = 0;
  #mark = 0;
  #up = false;
  /** When the sockets must check again for a flood of handshake messages. */
  #shedDue = Infinity;

  /** Makes a data plane whose link is down. */
  constructor(options: DataPlaneOptions) {
    const { tun, memory, bytes, threads, onEvent, crypto, engine, listened = [] } = options;
    this.#threads = threads;
    this.#engine = new Engine({
      randomBytes: createRandomBytes(),
      unixTime: Date.now,
      mtu: tun.mtu,
      ...(crypto && { crypto }),
      ...engine,
    });
    this.#engine.linkDown(0);
    this.#tun = tun;
    this.#onEvent = onEvent;
    this.#closeSockets = options.closeSockets ?? ((sockets) => sockets.close());
    this.#drops = new DropReport(this.#engine.stats.drops);
    this.#reads = new SnapshotReads(this.#engine);
    const local = { port: () => this.path.sockets?.port ?? 0, mark: () => this.#mark };
    this.#captures = new CaptureTaps(this.#engine, local, options.capture ?? NO_READER);
    this.listen(listened);
    this.path = new PacketPath({
      engine: this.#engine,
      tun,
      memory,
      bytes,
      threads,
      onEvent: (event) => {
        if (this.#listened.has(event.type)) onEvent(event);
      },
      onSuperPacketRefused: ({ kind, errno }) => {
        const reason = `the TUN refused a super-packet (errno ${errno})`;
        this.lostOffloads.add(kind === 'tcp' ? 'tunTcp' : 'tunUdp', reason);
      },
    });
    this.reports = {
      onSendError: () => this.#engine.stats.drops.add('send-failed'),
      onSourceLost: (destination) => this.#lostSources.add(destination),
      onOffloadLost: (name, reason) => this.lostOffloads.add(name, reason),
    };
  }

  get isUp(): boolean {
    return this.#up;
  }

  /**
   * When `finish` should be called next, in ms on the clock that `now` is read from; Infinity: not
   * needed.
   */
  get due(): number {
    if (this.lostOffloads.areUnreported) return 0;
    const { tunPausedUntil } = this.path;
    return Math.min(this.#engine.pollTimeout(), this.#drops.due, tunPausedUntil, this.#shedDue);
  }

  /** Returns which sockets a change needs; undefined if it needs no new ones. */
  bindingFor(change: Pick<CheckedDeviceChange, 'listenPort' | 'fwmark'>): Binding | undefined {
    const { listenPort: port, fwmark = this.#mark } = change;
    if (!this.#up || port === undefined) return undefined;
    if (port === this.path.sockets?.port) return undefined;
    return { port, mark: fwmark };
  }

  /** Returns which sockets `linkUp` needs; undefined if the link is already up. */
  bindingForLinkUp(): Binding | undefined {
    return this.#up ? undefined : { port: this.#listenPort, mark: this.#mark };
  }

  /**
   * Applies a change: all of it or nothing.
   *
   * @param sockets the sockets for `bindingFor(change)`. They belong to the data plane from now on,
   *   and are closed if the change is refused.
   * @throws {TypeError | RangeError | WireGuardError} the engine refuses the change, or the kernel
   *   refuses the mark
   */
  configure(change: DeviceConfiguration, sockets: DatagramSocket | undefined, now: number): void {
    const { listenPort, fwmark, ...ofEngine } = change;
    let checked: CheckedChange;
    try {
      checked = checkChange(this.#engine, ofEngine);
    } catch (error) {
      if (sockets) this.#closeSockets(sockets);
      throw markRefused(error);
    }
    runSteps(this.configureInSteps({ ...checked, listenPort, fwmark }, sockets, () => now));
  }

  /**
   * Applies a change whose fields were checked, in steps. The first step refuses the change or
   * makes it final. Until the last step, there must be no other change. Packets may pass between
   * two steps, but only after a call of `path.drain`.
   *
   * @param sockets as for `configure`
   * @param now returns the time; called in each step
   * @throws as `configure`, in the first step
   */
  *configureInSteps(
    change: CheckedDeviceChange,
    sockets: DatagramSocket | undefined,
    now: () => number,
  ): Steps {
    const { listenPort, fwmark = this.#mark } = change;
    let steps: Steps;
    try {
      steps = prepareInSteps(this.#engine, change, now);
      if (fwmark !== this.#mark && !sockets) changeMark(this.path.sockets, this.#mark, fwmark);
    } catch (error) {
      if (sockets) this.#closeSockets(sockets);
      throw markRefused(error);
    }
    if (sockets) this.#replaceSockets(sockets);
    yield* steps;
    if (listenPort !== undefined) this.#listenPort = listenPort;
    // A sticky source belongs to the old socket, or to the routes of the old mark.
    if (sockets || fwmark !== this.#mark) this.#engine.forgetSources(() => true);
    this.#mark = fwmark;
    this.path.drain();
  }

  /**
   * Sets the link up.
   *
   * @param sockets for `bindingForLinkUp()`; they belong to the data plane from now on
   */
  linkUp(sockets: DatagramSocket, now: number): void {
    this.#up = true;
    this.path.sockets = sockets;
    this.#onEvent({ type: 'up', listenPort: sockets.port });
    this.#engine.linkUp(now);
    this.path.drain();
  }

  /** Sets the link down: closes the sockets and forgets the sessions. */
  linkDown(now: number): void {
    if (!this.#up) return;
    this.#up = false;
    this.#engine.linkDown(now);
    this.path.drain();
    this.#replaceSockets(undefined);
    this.#onEvent({ type: 'down' });
  }

  setMtu(mtu: number): void {
    if (mtu === this.#engine.mtu) return;
    this.#engine.mtu = mtu;
    this.#onEvent({ type: 'mtu', mtu });
  }

  /**
   * Must be called after each batch: handles deadlines, floods, lost sources, lost offloads, drop
   * events and the readers of captures.
   */
  finish(now: number): void {
    this.path.handleTimeout(now);
    this.#shedDue = this.path.sockets?.updateFloodFilter?.(now) ?? Infinity;
    if (this.#lostSources.size > 0) {
      this.#engine.forgetSources((endpoint) => this.#lostSources.has(endpoint));
      this.#lostSources.clear();
    }
    this.#drops.check();
    this.#drops.report(now, this.#onEvent);
    if (this.path.tap) this.#captures.wakeReaders();
    this.lostOffloads.report(this.#onEvent);
  }

  /**
   * Iterates over the endpoints of peers, with their sticky sources. Peers may be added and removed
   * meanwhile.
   */
  endpoints(): IterableIterator<Endpoint> {
    return this.#engine.endpoints();
  }

  /**
   * Starts a handshake if there is no session and no handshake is in progress.
   *
   * @returns whether there is a session
   * @throws {RangeError} a refusal: no peer has this key
   */
  connect(publicKey: PublicKey, now: number): boolean {
    if (!this.#engine.hasPeer(publicKey)) {
      throw markRefused(new RangeError('"publicKey" expected the key of a configured peer'));
    }
    const isUp = this.#engine.connect(publicKey, now);
    this.path.drain();
    return isUp;
  }

  /**
   * Sets which optional events are emitted. Events of the link, the MTU and offloads are always
   * emitted.
   */
  listen(events: readonly OptionalEvent[]): void {
    const reportsDrops = events.includes('drop');
    if (reportsDrops !== this.#listened.has('drop')) this.#drops.listening = reportsDrops;
    this.#engine.traces = events.includes('trace');
    this.#engine.emitsPeerEvents = events.includes('peer');
    this.#listened = new Set(events);
  }

  /**
   * Returns the next slice of a read, after one step or several; see `SnapshotReads`. The secrets
   * in the slice are copies that the caller must wipe.
   */
  *snapshot(read: number): Steps<SnapshotSlice> {
    const isFirst = !this.#reads.has(read);
    const { peers, isLast } = yield* this.#reads.next(read);
    const privateKey = isFirst ? this.#engine.privateKey : undefined;
    const nextPrivateKey = isFirst ? this.#engine.nextPrivateKey : undefined;
    const snapshot = {
      ...(privateKey && { privateKey }),
      ...(nextPrivateKey && { nextPrivateKey }),
      listenPort: this.path.sockets?.port ?? this.#listenPort,
      fwmark: this.#mark,
      name: this.#tun.name,
      mtu: this.#engine.mtu,
      up: this.#up,
      peers,
    };
    return { snapshot, isLast };
  }

  /** Returns the status of one peer; its secrets are copies. Undefined: no peer has this key. */
  peer(publicKey: PublicKey): PeerStatus | undefined {
    return this.#engine.peer(publicKey);
  }

  /** Ends a read before its last slice. */
  endSnapshot(read: number): void {
    this.#reads.end(read);
  }

  /**
   * Starts to record packets into the ring of a capture.
   *
   * @param id a number that no other capture of this device has
   */
  startCapture(id: number, memory: SharedArrayBuffer, filter: CaptureFilter, now: number): void {
    this.path.tap = this.#captures;
    this.#captures.start(id, memory, filter, now);
    this.path.drain();
    this.path.flush();
  }

  /** Stops recording. Does nothing if there is no such capture. */
  endCapture(id: number): void {
    this.#captures.end(id);
    if (this.#captures.size === 0) this.path.tap = undefined;
  }

  stats(): DeviceStats {
    const { drops, ...engine } = this.#engine.stats;
    const { sent, received } = this.path.batches;
    return {
      ...engine,
      drops: drops.toJSON(),
      threads: this.#threads?.running ?? 1,
      tun: { readPackets: this.path.readPackets, writtenPackets: this.path.writtenPackets },
      udp: this.path.sockets ? { ...this.path.sockets.counters } : {},
      batches: { sent: sent.toJSON(), received: received.toJSON() },
      loop: this.loop.toJSON(),
    };
  }

  /**
   * Sends the datagrams that wait, and returns the state of the engine, with all keys, for a
   * hand-over. The caller must wipe the state.
   */
  save(now: number): { readonly state: Uint8Array; readonly plane: SavedPlane } {
    this.#engine.finishBatch(now);
    this.path.drain();
    this.path.flush();
    const port = { listenPort: this.#listenPort, mark: this.#mark, isUp: this.#up };
    const plane = { ...port, lostOffloads: this.lostOffloads.names };
    return { state: saveState(this.#engine, now), plane };
  }

  /**
   * Continues the data plane of another process. Nothing is sent yet.
   *
   * @param state borrowed for the call
   * @param sockets belong to the data plane from now on; undefined while the link is down
   * @throws {RangeError} the state is damaged; then `close` must follow
   */
  restore(state: Uint8Array, plane: SavedPlane, sockets: DatagramSocket | undefined): void {
    this.path.sockets = sockets;
    restoreState(this.#engine, state);
    ({ listenPort: this.#listenPort, mark: this.#mark, isUp: this.#up } = plane);
    this.lostOffloads.restore(plane.lostOffloads);
    if (sockets) this.#onEvent({ type: 'up', listenPort: sockets.port });
  }

  /** Ends all sessions, which another process may have used, and begins new ones. */
  restartSessions(now: number): void {
    restartSessions(this.#engine, now);
    this.path.drain();
  }

  /** Closes the sockets and wipes all keys. The driver closes the TUN. */
  close(now: number): void {
    this.#engine.configure({ replacePeers: true, privateKey: null }, now);
    this.#replaceSockets(undefined);
  }

  #replaceSockets(sockets: DatagramSocket | undefined): void {
    const before = this.path.sockets;
    this.path.flush();
    this.path.sockets = sockets;
    this.#shedDue = Infinity;
    if (before) this.#closeSockets(before);
  }
}

const NO_READER: CaptureSystem = { onBlocks: () => {} };
