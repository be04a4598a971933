/**
 * `DataPlane`: engine, packet loop and sockets of one device, and what a link's going up or down, a new
 * port or a new mark does to them. Both drivers stand on it; it opens nothing and waits for nothing.
 *
 * Sockets are opened by the driver, before anything is changed: `bindingFor` says which, and
 * `configure` takes them. When they cannot be opened, or the rest is refused, the old ones stay.
 *
 * @module
 */
import {
  Engine,
  type CryptoProvider,
  type Endpoint,
  type EngineEvent,
  type EngineOptions,
  type PublicKey,
} from '@litz/core';
import type { DeviceConfiguration } from '@litz/config';
import type { DeviceStats, SnapshotSlice } from '../device-status.ts';
import { DropReport, type DropEvent } from './drop-report.ts';
import type { ByteOperations } from '@litz/tun/offload';
import { PacketPath } from './packet-path.ts';
import type { PacketMemory } from './packet-memory.ts';
import type { Binding, DatagramSocket, SocketReports, Tun } from './io-interfaces.ts';
import { createRandomBytes } from './random-source.ts';
import { refused } from '../refusal.ts';
import { SnapshotReads } from './snapshot-reads.ts';

/** What a data plane tells: everything of the engine, and of the link. */
export type PlaneEvent =
  | EngineEvent
  | DropEvent
  | { readonly type: 'up'; readonly listenPort: number }
  | { readonly type: 'down' }
  | { readonly type: 'mtu'; readonly mtu: number }
  | OffloadEvent;

/** The kernel does not do what it was asked to, and is not asked any more. */
export interface OffloadEvent {
  readonly type: 'offload';
  readonly name: 'tunTcp' | 'tunUdp' | 'udpGso' | 'udpGro';
  readonly reason: string;
}

export interface DataPlaneOptions {
  readonly tun: Tun;
  readonly memory: PacketMemory;
  /** On the memory's buffer. */
  readonly bytes?: ByteOperations | undefined;
  readonly onEvent: (event: PlaneEvent) => void;
  /** Default: `sockets.close()`. */
  readonly closeSockets?: (sockets: DatagramSocket) => void;
  /** Of the optional events, those that are told until `listen` says which; default: none. */
  readonly listened?: readonly OptionalEvent[];
  readonly crypto?: CryptoProvider | undefined;
  readonly engine?: Pick<EngineOptions, 'handshakeGiveUpMs' | 'limits' | 'underLoad'>;
}

/**
 * What is told only while somebody listens: a server answers thousands of handshakes a second, and
 * telling of one costs as much as a third of it.
 */
export const OPTIONAL_EVENTS = [
  'drop',
  'handshake',
  'handshake-failed',
  'peer',
  'roam',
  'session',
  'trace',
] as const;
export type OptionalEvent = (typeof OPTIONAL_EVENTS)[number];

export class DataPlane {
  readonly path: PacketPath;
  /** To be given to the sockets when they are opened. */
  readonly reports: SocketReports;
  readonly #engine: Engine;
  readonly #tun: Tun;
  readonly #onEvent: (event: PlaneEvent) => void;
  readonly #closeSockets: (sockets: DatagramSocket) => void;
  readonly #drops: DropReport;
  /** Endpoints whose sticky source failed. */
  readonly #lostSources: Set<Endpoint> = new Set();
  readonly #reads: SnapshotReads;
  #listened: ReadonlySet<string> = new Set();
  readonly #lostOffloads: Set<string> = new Set();
  /** Found out when the device was not open yet, or in the middle of a batch. */
  #untold: OffloadEvent[] = [];
  /** As it was asked for; 0 picks one when the link goes up. */
  #listenPort = 0;
  #mark = 0;
  #up = false;
  /** When the sockets want to be asked again about a flood of them. */
  #shedDue = Infinity;

  /** Starts with the link down. */
  constructor(options: DataPlaneOptions) {
    const { tun, memory, bytes, onEvent, crypto, engine, listened = [] } = options;
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
    this.listen(listened);
    this.path = new PacketPath({
      engine: this.#engine,
      tun,
      memory,
      bytes,
      onEvent: (event) => {
        if (this.#listened.has(event.type)) onEvent(event);
      },
      onRefusal: ({ kind, errno }) => {
        const reason = `the TUN refused a super-packet (errno ${errno})`;
        this.loseOffload(kind === 'tcp' ? 'tunTcp' : 'tunUdp', reason);
      },
    });
    this.reports = {
      onSendError: () => this.#engine.stats.drops.add('send-failed'),
      onSourceLost: (destination) => this.#lostSources.add(destination),
      onOffloadLost: (name, reason) => this.loseOffload(name, reason),
    };
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** When `finish` should be called next, in the milliseconds of `now`; Infinity if there is no need. */
  get due(): number {
    if (this.#untold.length > 0) return 0;
    const { tunRestsUntil } = this.path;
    return Math.min(this.#engine.pollTimeout(), this.#drops.due, tunRestsUntil, this.#shedDue);
  }

  /** The sockets that a change needs; undefined if those there are will do. */
  bindingFor(change: DeviceConfiguration): Binding | undefined {
    const { listenPort: port, fwmark = this.#mark } = change;
    if (!this.#up || port === undefined) return undefined;
    if (port === this.path.sockets?.port) return undefined;
    return { port, mark: fwmark };
  }

  /** The sockets that `linkUp` needs; undefined if the link is up already. */
  bindingForLinkUp(): Binding | undefined {
    return this.#up ? undefined : { port: this.#listenPort, mark: this.#mark };
  }

  /**
   * All of it or nothing.
   *
   * @param sockets for `bindingFor(change)`, ours now and closed if the change is refused
   * @throws {TypeError | RangeError | WireGuardError} a refusal: of the engine, or setting the mark
   */
  configure(change: DeviceConfiguration, sockets: DatagramSocket | undefined, now: number): void {
    const { listenPort, fwmark = this.#mark } = change;
    const current = this.path.sockets;
    let apply: (now: number) => void;
    try {
      apply = this.#engine.prepare(change);
      if (fwmark !== this.#mark && !sockets) this.#changeMark(current, fwmark);
    } catch (error) {
      if (sockets) this.#closeSockets(sockets);
      throw refused(error);
    }
    if (sockets) this.#replaceSockets(sockets);
    apply(now);
    if (listenPort !== undefined) this.#listenPort = listenPort;
    // The source belongs to the old socket or to the routes of the old mark.
    if (sockets || fwmark !== this.#mark) this.#engine.forgetSources(() => true);
    this.#mark = fwmark;
    this.path.drain();
  }

  /** @param sockets for `bindingForLinkUp()`, ours now */
  linkUp(sockets: DatagramSocket, now: number): void {
    this.#up = true;
    this.path.sockets = sockets;
    this.#onEvent({ type: 'up', listenPort: sockets.port });
    this.#engine.linkUp(now);
    this.path.drain();
  }

  /** Closes the sockets and forgets the sessions. */
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

  /** Once after each batch: deadlines, sources that were lost, drops to tell of. */
  finish(now: number): void {
    this.path.handleTimeout(now);
    this.#shedDue = this.path.sockets?.shedHandshakes?.(now) ?? Infinity;
    if (this.#lostSources.size > 0) {
      this.#engine.forgetSources((endpoint) => this.#lostSources.has(endpoint));
      this.#lostSources.clear();
    }
    this.#drops.check();
    this.#drops.tell(now, this.#onEvent);
    if (this.#untold.length > 0) this.#untold.splice(0).forEach((event) => this.#onEvent(event));
  }

  /** Of the peers that have one, with their sticky source. Peers may come and go meanwhile. */
  endpoints(): IterableIterator<Endpoint> {
    return this.#engine.endpoints();
  }

  /**
   * Starts a handshake if there is no session and none is running.
   *
   * @returns whether there is a session
   * @throws {RangeError} a refusal: no such peer
   */
  connect(publicKey: PublicKey, now: number): boolean {
    if (!this.#engine.hasPeer(publicKey)) {
      throw refused(new RangeError('"publicKey" expected the key of a configured peer'));
    }
    const isUp = this.#engine.connect(publicKey, now);
    this.path.drain();
    return isUp;
  }

  /** This offload was asked for and is off now. Told once, by the next `finish`. */
  loseOffload(name: OffloadEvent['name'], reason: string): void {
    if (this.#lostOffloads.has(name)) return;
    this.#lostOffloads.add(name);
    this.#untold.push({ type: 'offload', name, reason });
  }

  /** From now on these are told, and what happens always: link, MTU, offloads. */
  listen(events: readonly OptionalEvent[]): void {
    const tellsDrops = events.includes('drop');
    if (tellsDrops !== this.#listened.has('drop')) this.#drops.listening = tellsDrops;
    this.#engine.traces = events.includes('trace');
    this.#engine.tellsPeers = events.includes('peer');
    this.#listened = new Set(events);
  }

  /**
   * The next slice of what this read reads; see `SnapshotReads`. Its secrets are copies: whoever gets
   * them wipes them.
   */
  snapshot(read: number): SnapshotSlice {
    const isFirst = !this.#reads.has(read);
    const { peers, isLast } = this.#reads.next(read);
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

  /** Nobody reads on. */
  endSnapshot(read: number): void {
    this.#reads.end(read);
  }

  stats(): DeviceStats {
    const { drops, ...engine } = this.#engine.stats;
    return {
      ...engine,
      drops: drops.toJSON(),
      tun: { readPackets: this.path.readPackets, writtenPackets: this.path.writtenPackets },
      udp: this.path.sockets ? { ...this.path.sockets.counters } : {},
    };
  }

  /** Closes the sockets and wipes all keys. The TUN is the driver's to close. */
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

  /** Of both families, or of none. */
  #changeMark(sockets: DatagramSocket | undefined, mark: number): void {
    try {
      sockets?.setMark(mark);
    } catch (error) {
      try {
        sockets?.setMark(this.#mark);
      } catch {
        // It failed to change, so it is as it was; the first error is the one to report.
      }
      throw error;
    }
  }
}
