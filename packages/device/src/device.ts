/**
 * `Device`: the public class of a WireGuard device, with its methods and events.
 *
 * @module
 */
import { EventEmitter } from 'node:events';
import type { PeerStatus, PublicKey } from '@litz/core';
import {
  checkFunction,
  checkInteger,
  checkObject,
  readPublicKey,
  wipe,
} from '@litz/core/internals';
import { readDeviceChange, wipeSecrets, type ChangedPeer, type DeviceChange } from '@litz/config';
import { OPTIONAL_EVENTS, type OptionalEvent } from './plane/data-plane.ts';
import type { PlaneEvent } from './plane/plane-event.ts';
import type { DeviceEvents } from './device-events.ts';
import type { DeviceSnapshot, DeviceStats } from './device-status.ts';
import {
  closedError,
  type CryptoStatus,
  type DeviceAnswers,
  type DeviceRequest,
  type Driver,
  type DriverListener,
} from './driver.ts';
import { BufferedEvents } from './buffered-events.ts';
import { readCaptureOptions, type CaptureOptions } from './capture/capture-options.ts';
import type { DeviceCapture } from './capture/device-capture.ts';
import { DeviceCaptures } from './capture/device-captures.ts';
import { publishEvent, subscribedEvents } from './diagnostic-channels.ts';
import type { SuccessorValues } from './hand-over/successor-values.ts';
import { LinuxDriver } from './linux/linux-driver.ts';
import { readDeviceOptions, type DeviceOptions, type DeviceSettings } from './options.ts';
import { PortableDriver } from './portable/portable-driver.ts';
import { SessionWaits } from './session-waits.ts';

/** Returns the driver of a device. For this package only. */
export let driverOf: (device: Device) => Driver;

/**
 * Makes a device that rests. It can then adopt the device of another process, and rests until a
 * `resume` request. For this package only.
 */
export let createSuccessor: (...values: SuccessorValues) => Promise<Device>;

/**
 * A WireGuard device, made with `Device.create`. It reads packets from a TUN, encrypts them for its
 * peers, and sends them over UDP. It decrypts the messages of its peers and writes their packets to
 * the TUN.
 *
 * If `tun` is a name, the device is a network interface of Linux. This needs CAP_NET_ADMIN and
 * `/dev/net/tun`. If `tun` is a `MemoryTun` or another `Tun`, the device runs on the event loop. It
 * then needs no privilege and works on every system.
 *
 * An open device keeps the process alive; `unref` changes that. If the device was made in a worker
 * thread, close it before you terminate that thread. If you do not, the interface stays until the
 * process ends. When the process ends, the kernel releases everything, except an interface with
 * `persist`.
 *
 * @example Two devices in memory, with a session between them
 *
 * ```ts
 * import { Device, MemoryTun } from '@litz/device';
 * import { generateKeyPair } from '@litz/core';
 *
 * const [keysA, keysB] = [generateKeyPair(), generateKeyPair()];
 * const b = await Device.create({ tun: new MemoryTun(), privateKey: keysB.privateKey });
 * await b.configure({ peers: [{ publicKey: keysA.publicKey, allowedIps: ['10.0.0.1/32'] }] });
 * const endpoint = `127.0.0.1:${(await b.status()).listenPort}`;
 * const peers = [{ publicKey: keysB.publicKey, endpoint, allowedIps: ['10.0.0.2/32'] }];
 * const a = await Device.create({ tun: new MemoryTun(), privateKey: keysA.privateKey, peers });
 * a.on('session', ({ state }) => console.log('session', state)); // session up
 * await a.connected(keysB.publicKey, { timeout: 5000 });
 * await Promise.all([a.close(), b.close()]);
 * ```
 *
 * @example A network interface
 *
 * ```ts
 * // As root, on Linux.
 * import { Device } from '@litz/device';
 * import { generateKeyPair } from '@litz/core';
 *
 * const { privateKey } = generateKeyPair();
 * const device = await Device.create({ tun: 'wg%d', addresses: ['10.0.0.1/24'], privateKey });
 * console.log(device.name, (await device.status()).listenPort);
 * await device.close();
 * ```
 */
export class Device extends EventEmitter<DeviceEvents> {
  static {
    driverOf = (device) => device.#driver;
    createSuccessor = async (name, { persist = false, ...options }, takesOver) => {
      const { common } = readDeviceOptions({ ...options, tun: { name, persist }, up: false });
      return Device.#open((listener) => LinuxDriver.open(name, common, listener, takesOver));
    };
  }

  readonly #waits: SessionWaits = new SessionWaits((publicKey) =>
    this.#request({ type: 'connect', publicKey }),
  );
  // Assigned before `create` returns the device.
  #driver!: Driver;
  #isClosed = false;
  /** The optional events that have a listener. */
  readonly #listened: Set<OptionalEvent> = new Set();
  #waiters = 0;
  #lastRead = 0;
  readonly #captures: DeviceCaptures = new DeviceCaptures();
  /**
   * While events are kept, the packet loop emits all optional events, because their listeners may
   * still be added.
   */
  readonly #buffer: BufferedEvents = new BufferedEvents(() => this.#sendListened());
  /**
   * Calls that publish an event, kept until the device is open; undefined afterwards. They must
   * wait, because a subscriber may use the device, which has no driver yet, and because
   * `litz:device:open` must be the first message.
   */
  #early: (() => void)[] | undefined = [];
  /** The optional events whose channels had a subscriber at the last check, joined with commas. */
  #subscribed = '';
  readonly #onListenerAdded = (name: unknown): void => this.#listenerAdded(name);
  readonly #onListenerRemoved = (name: unknown): void => this.#listenerRemoved(name);

  /**
   * Opens the TUN and the sockets. All options are checked before anything is opened. If a step
   * fails, everything that was opened is released.
   *
   * Events that happen before you can listen are not lost. They are kept, in order, until you first
   * add a listener or call a method, and emitted in the next turn of the event loop. So add all
   * listeners in the same turn as that first call. If you wait for something else first (for
   * instance `Promise.all` of two devices), events are kept for one second, and at most 1000 of
   * them.
   *
   * The interface and the sockets are made in the network namespace of the calling thread at the
   * time of the call. The sockets stay in that namespace.
   *
   * @param options keys are copied
   * @throws {TypeError | RangeError | WireGuardError} (rejects) an option is wrong; the message
   *   names it
   * @throws {SystemError} (rejects) `ERR_LITZ_PERMISSION`: no right to make the interface; `errno`
   *   'EBUSY': the interface name is taken; `errno` 'EADDRINUSE': the port is taken
   */
  static async create(options: DeviceOptions): Promise<Device> {
    const settings = readDeviceOptions(options);
    try {
      return await Device.#open((listener) => openDriver(settings, listener));
    } finally {
      // By now the driver has its own copies of the keys.
      wipeSecrets(settings.common.configuration);
    }
  }

  static async #open(open: (listener: DriverListener) => Promise<Driver>): Promise<Device> {
    const device = new Device();
    device.#driver = await open(device.#createListener());
    device.#watchListeners();
    publishEvent('open', () => ({ device }));
    const early = device.#early ?? [];
    device.#early = undefined;
    for (const publish of early) publish();
    device.#buffer.startTimeLimit();
    return device;
  }

  private constructor() {
    super();
  }

  /** The name of the interface, with the number that the kernel chose for '%d', or of the `Tun`. */
  get name(): string {
    return this.#driver.name;
  }

  /**
   * Which provider does the cryptography, and why. The option `crypto` or the environment variable
   * `LITZ_CRYPTO` can choose another provider.
   */
  get crypto(): CryptoStatus {
    return this.#driver.crypto;
  }

  /**
   * Changes keys, peers, port and mark while the device runs. Either the whole change takes effect
   * or none of it.
   *
   * @param change keys are copied. Peers that are not named stay; `replacePeers: true` removes
   *   them.
   * @throws {TypeError | RangeError | WireGuardError} (rejects) a field is wrong; the message names
   *   it
   * @throws {SystemError} (rejects) `errno` 'EADDRINUSE': the new port is taken, and the old port
   *   stays in use
   * @throws {WireGuardError} (rejects) `ERR_LITZ_CLOSED`
   *
   * @example
   *
   * ```ts
   * import { Device, MemoryTun } from '@litz/device';
   * import { generateKeyPair } from '@litz/core';
   *
   * const { privateKey } = generateKeyPair();
   * const { publicKey } = generateKeyPair();
   * const device = await Device.create({ tun: new MemoryTun(), privateKey });
   * await device.configure({ peers: [{ publicKey, allowedIps: ['10.0.0.2/32'] }] });
   * await device.configure({ peers: [{ publicKey, endpoint: '192.0.2.1:51820' }] });
   * await device.configure({ peers: [{ publicKey, remove: true }] });
   * await device.close();
   * ```
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
   * Sets the link up, which opens the sockets. Does nothing if the link is up. Resolves when the
   * link is up and the sockets are open. `Device.create` does this itself unless `up` is false.
   *
   * @throws {SystemError} (rejects) `errno` 'EADDRINUSE': the port is taken, and the link stays
   *   down; `ERR_LITZ_PERMISSION`: no right to change the link
   * @throws {WireGuardError} (rejects) `ERR_LITZ_CLOSED`
   *
   * @example
   *
   * ```ts
   * import { Device, MemoryTun } from '@litz/device';
   * import { generateKeyPair } from '@litz/core';
   *
   * const { privateKey } = generateKeyPair();
   * const device = await Device.create({ tun: new MemoryTun(), privateKey, up: false });
   * device.on('up', ({ listenPort }) => console.log('up on port', listenPort));
   * await device.up();
   * await device.down();
   * await device.close();
   * ```
   */
  async up(): Promise<void> {
    // Does not release kept events, so that a caller can still listen for 'up' after this call.
    await this.#driver.request({ type: 'link', up: true });
  }

  /**
   * Sets the link down. This closes the sockets and ends all sessions; keys and peers stay.
   *
   * @throws {SystemError} (rejects) `ERR_LITZ_PERMISSION`: no right to change the link
   * @throws {WireGuardError} (rejects) `ERR_LITZ_CLOSED`
   */
  async down(): Promise<void> {
    await this.#driver.request({ type: 'link', up: false });
  }

  /**
   * Returns the peers of `status`. Their preshared keys are copies that belong to the caller.
   *
   * @throws {WireGuardError} (rejects) `ERR_LITZ_CLOSED`
   */
  async peers(): Promise<PeerStatus[]> {
    const { privateKey, nextPrivateKey, peers } = await this.status();
    wipe(privateKey, nextPrivateKey);
    return peers;
  }

  /**
   * Returns the status of one peer; undefined if no peer has this current or next key. The
   * preshared key in it is a copy that belongs to the caller.
   *
   * @throws {TypeError | WireGuardError} (rejects) `ERR_LITZ_INVALID_KEY`: the argument is not a
   *   key
   * @throws {WireGuardError} (rejects) `ERR_LITZ_CLOSED`
   *
   * @example
   *
   * ```ts
   * import { Device, MemoryTun } from '@litz/device';
   * import { generateKeyPair } from '@litz/core';
   *
   * const { publicKey } = generateKeyPair();
   * const device = await Device.create({ tun: new MemoryTun(), peers: [{ publicKey }] });
   * console.log((await device.peer(publicKey))?.receivedBytes); //=> 0
   * await device.close();
   * ```
   */
  async peer(publicKey: string | PublicKey): Promise<PeerStatus | undefined> {
    const key = readPublicKey(publicKey, 'publicKey');
    return (await this.#request({ type: 'peer', publicKey: key })).snapshot.peers[0];
  }

  /**
   * Returns the whole configuration, with the private keys, and the status of all peers. Peers are
   * read a few at a time, so that packets are not delayed. A peer that is added or removed
   * meanwhile may be missing. The keys are copies that belong to the caller.
   *
   * @throws {WireGuardError} (rejects) `ERR_LITZ_CLOSED`
   *
   * @example
   *
   * ```ts
   * import { Device, MemoryTun } from '@litz/device';
   * import { generateKeyPair } from '@litz/core';
   *
   * const { privateKey } = generateKeyPair();
   * const peers = [{ publicKey: generateKeyPair().publicKey, allowedIps: ['10.0.0.2/32'] }];
   * const device = await Device.create({ tun: new MemoryTun(), privateKey, peers });
   * const status = await device.status();
   * console.log(status.up, status.listenPort);
   * for (const peer of status.peers) console.log(peer.publicKey, peer.receivedBytes);
   * await device.close();
   * ```
   */
  async status(): Promise<DeviceSnapshot> {
    let status: DeviceSnapshot | undefined;
    try {
      for await (const part of this.statusParts()) {
        if (status) status.peers.push(...part.peers);
        else status = part;
      }
      return status!;
    } catch (error) {
      if (status) wipeSecrets(status);
      throw error;
    }
  }

  /**
   * Returns the same as `status` in parts, each with the next few peers. A part is read from the
   * device only when the caller asks for it. The private keys are in the first part only.
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
      // The error of a closed device is ignored, because the read has ended with the device.
      if (!isOver) this.#driver.request({ type: 'end-snapshot', read }).catch(() => {});
    }
  }

  /**
   * Calls `listener` with each `peer` event, in the form that the UAPI reports, until the returned
   * function is called.
   */
  followPeers(listener: (peer: ChangedPeer) => void): () => void {
    checkFunction(listener, 'listener');
    const report = ({ peer, change, ...rest }: DeviceEvents['peer'][0]): void => {
      listener({ publicKey: peer, isRemoved: change === 'removed', ...rest });
    };
    this.on('peer', report);
    return () => void this.off('peer', report);
  }

  /**
   * Returns the counters of packets, datagrams, handshakes and drops.
   *
   * @throws {WireGuardError} (rejects) `ERR_LITZ_CLOSED`
   */
  stats(): Promise<DeviceStats> {
    return this.#request({ type: 'stats' });
  }

  /**
   * Starts to record the packets of the interface, and the datagrams that carry them, as a pcapng
   * file for Wireshark. A dropped packet has a comment with the reason. Iterate over the result to
   * get the file. At most 8 captures can run at a time.
   *
   * @throws {TypeError | RangeError | WireGuardError} (rejects) an option is wrong, or 8 captures
   *   run already
   * @throws {WireGuardError} (rejects) `ERR_LITZ_CLOSED`
   *
   * @example
   *
   * ```ts
   * import { writeFile } from 'node:fs/promises';
   * import { tmpdir } from 'node:os';
   * import { join } from 'node:path';
   * import { Device, MemoryTun } from '@litz/device';
   *
   * const device = await Device.create({ tun: new MemoryTun() });
   * const capture = await device.capture({ side: 'inner' });
   * setTimeout(() => void capture.stop(), 100);
   * await writeFile(join(tmpdir(), 'packets.pcapng'), capture, { mode: 0o600 });
   * console.log(capture.counts); //=> { received: 0, dropped: 0 }
   * await device.close();
   * ```
   */
  async capture(options: CaptureOptions = {}): Promise<DeviceCapture> {
    const filter = readCaptureOptions(options);
    return this.#captures.start(this.name, filter, (request) => this.#request(request));
  }

  /**
   * Resolves when there is a session with the peer. Starts a handshake if none is in progress, and
   * starts a new one after each failure.
   *
   * @param options `timeout` in ms; default 90 s, which is Rekey-Attempt-Time
   * @throws {WireGuardError} (rejects) `ERR_LITZ_TIMEOUT`, `ERR_LITZ_CLOSED`,
   *   `ERR_LITZ_INVALID_KEY`
   * @throws {RangeError} (rejects) there is no such peer, or `timeout` is out of range
   */
  async connected(
    publicKey: string | PublicKey,
    options: { timeout?: number } = {},
  ): Promise<void> {
    const key = readPublicKey(publicKey, 'publicKey');
    checkObject(options, 'options', ['timeout']);
    const { timeout = 90_000 } = options;
    checkInteger(timeout, 'timeout', 0, 2 ** 31 - 1);
    if (this.#isClosed) throw closedError(this.name);
    if (this.#waiters++ === 0) this.#sendListened();
    try {
      await this.#waits.wait(key, timeout);
    } finally {
      if (--this.#waiters === 0) this.#sendListened();
    }
  }

  /** Lets the process end while the device is open. */
  unref(): this {
    this.#driver.unref();
    return this;
  }

  /** Keeps the process alive while the device is open. This is the default. */
  ref(): this {
    this.#driver.ref();
    return this;
  }

  /**
   * Closes the device: releases TUN, sockets and thread, and wipes the keys. Resolves when that is
   * done. Later calls do nothing.
   */
  async close(): Promise<void> {
    await this.#driver.close();
    this.#buffer.release();
  }

  /** Calls `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Sends a request of the caller. Kept events are then emitted in the next turn of the event loop.
   */
  #request<Type extends DeviceRequest['type']>(
    request: Extract<DeviceRequest, { type: Type }>,
  ): Promise<DeviceAnswers[Type]> {
    this.#buffer.markUsed();
    if (String(subscribedEvents()) !== this.#subscribed) this.#sendListened();
    return this.#driver.request(request);
  }

  override removeAllListeners(event?: keyof DeviceEvents): this {
    // If `super` got the argument undefined, it would look for an event with the name undefined.
    if (event === undefined) super.removeAllListeners();
    else super.removeAllListeners(event);
    this.#watchListeners();
    return this;
  }

  /**
   * Watches which events have listeners. Node.js emits 'newListener' and 'removeListener' for that;
   * removeAllListeners removes our own listeners too, so they are added again here.
   */
  #watchListeners(): void {
    const emitter = this as EventEmitter;
    for (const [name, listener] of [
      ['removeListener', this.#onListenerRemoved],
      ['newListener', this.#onListenerAdded],
    ] as const) {
      if (!emitter.listeners(name).includes(listener)) emitter.on(name, listener);
    }
    for (const name of this.#listened) this.#listenerRemoved(name);
  }

  #createListener(): DriverListener {
    return {
      event: (event) => this.#emitEvent(event),
      captured: (id) => this.#captures.wake(id),
      error: (error) => this.#emitError(error),
      closed: (error) => this.#handleClosed(error),
    };
  }

  #emitEvent(event: PlaneEvent): void {
    this.#waits.handleEvent(event);
    const { type, ...fields } = event;
    this.#publish(type, fields);
    // The compiler does not know that these fields belong to the event with this name.
    const parameters = (type === 'down' ? [] : [fields]) as PlaneListeners[typeof type];
    this.#buffer.add(() => this.emit(type, ...(parameters as never)));
  }

  #publish(event: string, fields: object): void {
    const publish = (): void => publishEvent(event, () => ({ device: this, ...fields }));
    if (this.#early) this.#early.push(publish);
    else publish();
  }

  #emitError(error: Error): void {
    this.#publish('error', { error });
    this.#buffer.add(() => this.emit('error', error));
    this.#buffer.keepProcessAlive();
  }

  #handleClosed(error: Error | undefined): void {
    this.#isClosed = true;
    this.#waits.rejectAll(closedError(this.name));
    this.#captures.finishAll(error ? `the device has failed: ${error.message}` : CLOSED);
    try {
      if (error) this.#emitError(error);
    } finally {
      this.#publish('close', {});
      this.#buffer.add(() => this.emit('close'));
    }
  }

  #listenerAdded(name: unknown): void {
    if (name !== 'newListener' && name !== 'removeListener') this.#buffer.markUsed();
    if (!isOptional(name) || this.#listened.has(name)) return;
    this.#listened.add(name);
    this.#sendListened();
  }

  #listenerRemoved(name: unknown): void {
    if (!isOptional(name) || this.listenerCount(name) > 0) return;
    this.#listened.delete(name);
    this.#sendListened();
  }

  /** Sends the packet loop the list of optional events that it must emit. */
  #sendListened(): void {
    if (this.#isClosed || this.#buffer.isBuffering) return;
    const subscribed = subscribedEvents();
    this.#subscribed = String(subscribed);
    const awaited = this.#waiters > 0 ? AWAITED : [];
    const events = new Set([...this.#listened, ...awaited, ...subscribed]);
    // A device that is being closed needs no list.
    this.#driver.request({ type: 'listen', events: [...events] }).catch(() => {});
  }
}

/**
 * The events of a data plane with the parameters of their listeners. The compiler refuses an event
 * that `DeviceEvents` does not have, or has with other fields.
 */
type PlaneListeners = Declared<{
  readonly [Event in PlaneEvent as Event['type']]: Event extends { readonly type: 'down' }
    ? []
    : [Omit<Event, 'type'>];
}>;

type Declared<Events extends Pick<DeviceEvents, PlaneEvent['type']>> = Events;

function isOptional(name: unknown): name is OptionalEvent {
  return OPTIONAL_EVENTS.includes(name as OptionalEvent);
}

function openDriver(settings: DeviceSettings, listener: DriverListener): Promise<Driver> {
  return settings.kind === 'own'
    ? PortableDriver.open(settings.tun, settings.common, listener)
    : LinuxDriver.open(settings.tunName, settings.common, listener);
}

/** The optional events that `connected` waits for. */
const AWAITED: readonly OptionalEvent[] = ['session', 'handshake-failed'];
/** The reason in a capture that ended because its device was closed. */
const CLOSED = 'the device was closed, or its interface was removed';
