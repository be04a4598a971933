/**
 * `Device`: a WireGuard device, from keys and peers to running traffic.
 *
 * @module
 */
import { EventEmitter } from 'node:events';
import {
  type DropReason,
  type Endpoint,
  type PeerStatus,
  type PublicKey,
  type SessionKeys,
  type TraceStep,
} from '@litz/core';
import { checkInteger, readPublicKey } from '@litz/core/internals';
import { readDeviceChange, wipeSecrets, type ChangedPeer, type DeviceChange } from '@litz/config';
import { OPTIONAL_EVENTS, type OptionalEvent, type PlaneEvent } from './plane/data-plane.ts';
import type { DeviceSnapshot, DeviceStats } from './device-status.ts';
import {
  closedError,
  type CryptoStatus,
  type DeviceAnswers,
  type DeviceRequest,
  type Driver,
  type DriverListener,
} from './driver.ts';
import { HeldEvents } from './held-events.ts';
import { LinuxDriver } from './linux/linux-driver.ts';
import { readDeviceOptions, type DeviceOptions, type DeviceSettings } from './options.ts';
import { PortableDriver } from './portable/portable-driver.ts';
import { SessionWaits } from './session-waits.ts';

/** What a listener is called with. */
export interface DeviceEvents {
  /** A handshake completed. `keys`: the static keys that it was made with. */
  handshake: [
    {
      readonly peer: PublicKey;
      readonly role: 'initiator' | 'responder';
      readonly keys: SessionKeys;
      readonly durationMs?: number;
    },
  ];
  /** `up`: the peer can be sent to; `renewed`: with newer keys; `expired`: not any more. */
  session: [{ readonly peer: PublicKey; readonly state: 'up' | 'renewed' | 'expired' }];
  /**
   * The peer is reached at another address or port than before. At most once a second for each peer:
   * of more than one change the last is told then.
   */
  roam: [
    {
      readonly peer: PublicKey;
      readonly endpoint: Endpoint;
      readonly previous: Endpoint | undefined;
    },
  ];
  /** Gave up after Rekey-Attempt-Time; the packets that waited are dropped. */
  'handshake-failed': [{ readonly peer: PublicKey }];
  /**
   * Dropped since the last event of this reason; at most one per reason and second. `peer`, `source`: of
   * the last of them, as far as they are known; the source is not authentic.
   */
  drop: [
    {
      readonly reason: DropReason;
      readonly count: number;
      readonly peer?: PublicKey;
      readonly source?: Endpoint;
    },
  ];
  /**
   * One step of a peer, for a log: a handshake message, a retry, new keys, the peer itself. `sends`: how
   * many initiations this attempt at a handshake has sent.
   */
  trace: [{ readonly peer: PublicKey; readonly step: TraceStep; readonly sends: number }];
  /**
   * A peer was added, got an endpoint, completed a handshake, is reached elsewhere (as often as `roam`
   * says it), or was removed: what it is now.
   */
  peer: [
    {
      readonly peer: PublicKey;
      readonly state: 'present' | 'removed';
      readonly endpoint: Endpoint | undefined;
      /** 0 if there was none. */
      readonly lastHandshakeUnixMs: number;
      /** The static keys of the session that is sent with; absent if there is none. */
      readonly sessionKeys?: SessionKeys;
    },
  ];
  /** The link went up and the sockets are open. */
  up: [{ readonly listenPort: number }];
  /** The link went down: sockets are closed, sessions gone. */
  down: [];
  mtu: [{ readonly mtu: number }];
  /** This offload was asked for and is off now: the kernel cannot do it, or does it wrong. Said once. */
  offload: [{ readonly name: 'tunTcp' | 'tunUdp' | 'udpGso' | 'udpGro'; readonly reason: string }];
  /**
   * `ERR_LITZ_WORKER`: the packet loop crashed, and 'close' follows. Anything else: the device goes on
   * without what failed, for instance a port that was taken when the link went up.
   */
  error: [error: Error];
  /** Everything is released: after `close`, a crash, or because the interface was deleted. */
  close: [];
}

/**
 * ```ts
 * await using device = await Device.create({
 *   tun: new MemoryTun(),
 *   privateKey,
 *   peers: [{ publicKey, endpoint: '192.0.2.1:51820', allowedIps: ['10.0.0.2/32'] }],
 * });
 * await device.connected(publicKey, { timeout: 5000 });
 * ```
 * An open device keeps the process alive; `unref` changes that. Close it before you terminate a worker
 * thread that it was made in, or the interface stays until the process ends. Ending the process needs
 * no such care.
 */
export class Device extends EventEmitter<DeviceEvents> {
  readonly #waits: SessionWaits = new SessionWaits((publicKey) =>
    this.#request({ type: 'connect', publicKey }),
  );
  // Assigned before `create` hands the device out.
  #driver!: Driver;
  #isClosed = false;
  /** Of the optional events, those that somebody listens to. */
  readonly #listened: Set<OptionalEvent> = new Set();
  #waiting = 0;
  #lastRead = 0;
  /** While it holds, the packet loop tells everything. */
  readonly #events: HeldEvents = new HeldEvents(() => this.#listen());
  readonly #added = (name: unknown): void => this.#listenerAdded(name);
  readonly #removed = (name: unknown): void => this.#listenerRemoved(name);

  /**
   * Opens the TUN and the sockets. All options are checked before anything is opened; what was opened
   * before a failure is released.
   *
   * What happens before you can listen is not lost: events are held, in their order, until the turn of
   * the event loop after the one in which you first add a listener or call a method. So add all
   * listeners beside the first call. If you first wait for something else (`Promise.all` of two devices,
   * for instance) they are held for a second, and no more than a thousand of them.
   *
   * The interface is made in the network namespace that the calling thread is in now; the sockets
   * stay there for good.
   *
   * @throws {TypeError | RangeError | WireGuardError} (rejects) an option, by its name
   * @throws {SystemError} (rejects) `ERR_LITZ_PERMISSION`: no right to make the interface; `errno`
   *   'EBUSY': its name is taken, 'EADDRINUSE': the port is
   */
  static async create(options: DeviceOptions): Promise<Device> {
    const settings = readDeviceOptions(options);
    try {
      const device = new Device();
      device.#driver = await openDriver(settings, device.#listener());
      device.#watchListeners();
      device.#events.handedOut();
      return device;
    } finally {
      // The keys are where they are used by now.
      wipeSecrets(settings.common.configuration);
    }
  }

  private constructor() {
    super();
  }

  /** Of the interface: the kernel chose the number for '%d'. */
  get name(): string {
    return this.#driver.name;
  }

  /** Which provider does the cryptography, and why: `LITZ_CRYPTO` or the option `crypto` choose. */
  get crypto(): CryptoStatus {
    return this.#driver.crypto;
  }

  /**
   * Changes keys, peers, port and mark while the device runs: all of it or nothing.
   *
   * @throws {TypeError | RangeError | WireGuardError} (rejects) a field, by its name
   * @throws {SystemError} (rejects) `errno` 'EADDRINUSE': the old port stays in use
   */
  async configure(change: DeviceChange): Promise<void> {
    const configuration = readDeviceChange(change);
    try {
      await this.#request({ type: 'configure', change: configuration });
    } finally {
      wipeSecrets(configuration);
    }
  }

  /**
   * Sets the link up, which opens the sockets, and does nothing if it is up. When this resolves, both are
   * done.
   *
   * @throws {SystemError} (rejects) `errno` 'EADDRINUSE': the port is taken, and the link stays down;
   *   `ERR_LITZ_PERMISSION`
   * @throws {WireGuardError} (rejects) `ERR_LITZ_CLOSED`
   */
  async up(): Promise<void> {
    await this.#driver.request({ type: 'link', up: true });
  }

  /**
   * Sets the link down, which closes the sockets and ends all sessions; keys and peers stay.
   *
   * @throws {SystemError} (rejects) `ERR_LITZ_PERMISSION`
   * @throws {WireGuardError} (rejects) `ERR_LITZ_CLOSED`
   */
  async down(): Promise<void> {
    await this.#driver.request({ type: 'link', up: false });
  }

  async peers(): Promise<PeerStatus[]> {
    return (await this.status()).peers;
  }

  /**
   * Everything that can be configured, with the private key, and how the peers are. Packets go on while
   * very many peers are read: each is as it was at a moment of its own, and one that is removed or added
   * meanwhile may be missing.
   */
  async status(): Promise<DeviceSnapshot> {
    let status: DeviceSnapshot | undefined;
    for await (const part of this.statusParts()) {
      if (status) status.peers.push(...part.peers);
      else status = part;
    }
    return status!;
  }

  /**
   * The same in parts, each with the next few of the peers, for whoever passes them on: no more is read
   * than is asked for. The private keys are in the first part alone.
   *
   * @throws {WireGuardError} (rejects) `ERR_LITZ_CLOSED`
   */
  async *statusParts(): AsyncGenerator<DeviceSnapshot, void, undefined> {
    const read = ++this.#lastRead;
    let isOver = false;
    try {
      while (!isOver) {
        const { snapshot, isLast } = await this.#request({ type: 'snapshot', read });
        isOver = isLast;
        yield snapshot;
      }
    } finally {
      // A device that is closed has forgotten it.
      if (!isOver) this.#driver.request({ type: 'end-snapshot', read }).catch(() => {});
    }
  }

  /** Calls the listener with each `peer` event, as the UAPI tells of it, until the returned function is called. */
  followPeers(listener: (peer: ChangedPeer) => void): () => void {
    const tell = ({ peer, state, ...rest }: DeviceEvents['peer'][0]): void => {
      listener({ publicKey: peer, isRemoved: state === 'removed', ...rest });
    };
    this.on('peer', tell);
    return () => void this.off('peer', tell);
  }

  stats(): Promise<DeviceStats> {
    return this.#request({ type: 'stats' });
  }

  /**
   * Resolves when there is a session with the peer, at once if there is one. Starts a handshake if
   * none is running, and again if it fails.
   *
   * @param options `timeout` in ms; default 90 s, a handshake's own patience
   * @throws {WireGuardError} (rejects) `ERR_LITZ_TIMEOUT`, `ERR_LITZ_CLOSED`, `ERR_LITZ_INVALID_KEY`
   * @throws {RangeError} (rejects) no such peer, or `timeout` is out of range
   */
  async connected(
    publicKey: string | PublicKey,
    { timeout = 90_000 }: { timeout?: number } = {},
  ): Promise<void> {
    const key = readPublicKey(publicKey, 'publicKey');
    checkInteger(timeout, 'timeout', 0, 2 ** 31 - 1);
    if (this.#isClosed) throw closedError(this.name);
    if (this.#waiting++ === 0) this.#listen();
    try {
      await this.#waits.wait(key, timeout);
    } finally {
      if (--this.#waiting === 0) this.#listen();
    }
  }

  /** Lets the process end though the device is open. */
  unref(): this {
    this.#driver.unref();
    return this;
  }

  ref(): this {
    this.#driver.ref();
    return this;
  }

  /** Releases TUN, sockets and thread. Further calls do nothing. */
  async close(): Promise<void> {
    await this.#driver.close();
    this.#events.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What the caller asks. */
  #request<Type extends DeviceRequest['type']>(
    request: Extract<DeviceRequest, { type: Type }>,
  ): Promise<DeviceAnswers[Type]> {
    this.#events.used();
    return this.#driver.request(request);
  }

  override removeAllListeners(event?: keyof DeviceEvents): this {
    // An argument that is undefined would be the name of an event.
    if (event === undefined) super.removeAllListeners();
    else super.removeAllListeners(event);
    this.#watchListeners();
    return this;
  }

  /** The two events of every emitter that say who listens; ours are listeners like any other. */
  #watchListeners(): void {
    const emitter = this as EventEmitter;
    for (const [name, listener] of [
      ['removeListener', this.#removed],
      ['newListener', this.#added],
    ] as const) {
      if (!emitter.listeners(name).includes(listener)) emitter.on(name, listener);
    }
    for (const name of this.#listened) this.#listenerRemoved(name);
  }

  #listener(): DriverListener {
    return {
      event: (event) => this.#tell(event),
      error: (error) => this.#failed(error),
      closed: (error) => this.#closed(error),
    };
  }

  #tell(event: PlaneEvent): void {
    this.#waits.tell(event);
    const { type, ...rest } = event;
    // Each event's arguments are its fields: the union is the same one on both sides.
    this.#events.tell(() => this.emit(type, ...((type === 'down' ? [] : [rest]) as never)));
  }

  #failed(error: Error): void {
    this.#events.tell(() => this.emit('error', error));
    this.#events.hurry();
  }

  #closed(error: Error | undefined): void {
    this.#isClosed = true;
    this.#waits.fail(closedError(this.name));
    try {
      if (error) this.#failed(error);
    } finally {
      this.#events.tell(() => this.emit('close'));
    }
  }

  #listenerAdded(name: unknown): void {
    if (name !== 'newListener' && name !== 'removeListener') this.#events.used();
    if (!isOptional(name) || this.#listened.has(name)) return;
    this.#listened.add(name);
    this.#listen();
  }

  #listenerRemoved(name: unknown): void {
    if (!isOptional(name) || this.listenerCount(name) > 0) return;
    this.#listened.delete(name);
    this.#listen();
  }

  /** Tells the packet loop what it is to tell. */
  #listen(): void {
    if (this.#isClosed || this.#events.isHolding) return;
    const events = new Set([...this.#listened, ...(this.#waiting > 0 ? AWAITED : [])]);
    // A device that is being closed has nothing more to tell.
    this.#driver.request({ type: 'listen', events: [...events] }).catch(() => {});
  }
}

function isOptional(name: unknown): name is OptionalEvent {
  return OPTIONAL_EVENTS.includes(name as OptionalEvent);
}

function openDriver(settings: DeviceSettings, listener: DriverListener): Promise<Driver> {
  return settings.kind === 'own'
    ? PortableDriver.open(settings.tun, settings.common, listener)
    : LinuxDriver.open(settings.tunName, settings.common, listener);
}

/** What `connected` waits for. */
const AWAITED: readonly OptionalEvent[] = ['session', 'handshake-failed'];
