/**
 * `MemoryTun`: a TUN without an interface. Packets that a program sends into it go through the
 * tunnel; packets from the tunnel are events. It needs no privilege and works on every system.
 *
 * @module
 */
import { EventEmitter, on } from 'node:events';
import { checkInteger, checkObject, DEFAULT_MTU, describe, MAX_MTU } from '@litz/core/internals';
import { clearVnetHeader, VNET_HEADER_LENGTH } from '@litz/tun/offload';
import type { Tun, TunLinkChange } from '../plane/io-interfaces.ts';

/** Options of `MemoryTun`. */
export interface MemoryTunOptions {
  /** The name of the TUN, which is also the `name` of the device. Default 'memory'. */
  name?: string;
  /** Maximum length of a packet in bytes. Default 1420. */
  mtu?: number;
  /** How many packets may wait for the device. Default 1024. */
  queueLength?: number;
}

/** The events of a `MemoryTun`. */
export interface MemoryTunEvents {
  /** An IP packet from the tunnel. The listener owns it. */
  packet: [packet: Uint8Array];
  /** The TUN was closed. No packet follows. */
  close: [];
}

/**
 * A TUN without an interface, for `Device.create({ tun })`.
 *
 * @example One packet goes through a tunnel
 *
 * ```ts
 * import { Device, MemoryTun } from '@litz/device';
 * import { generateKeyPair } from '@litz/core';
 *
 * const [keysA, keysB] = [generateKeyPair(), generateKeyPair()];
 * const [tunA, tunB] = [new MemoryTun(), new MemoryTun()];
 * const b = await Device.create({ tun: tunB, privateKey: keysB.privateKey });
 * await b.configure({ peers: [{ publicKey: keysA.publicKey, allowedIps: ['10.0.0.1/32'] }] });
 * const endpoint = `127.0.0.1:${(await b.status()).listenPort}`;
 * const peers = [{ publicKey: keysB.publicKey, endpoint, allowedIps: ['10.0.0.2/32'] }];
 * const a = await Device.create({ tun: tunA, privateKey: keysA.privateKey, peers });
 * tunA.send(Uint8Array.of(0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2));
 * for await (const packet of tunB) {
 *   console.log(packet.length); // 20
 *   await Promise.all([a.close(), b.close()]);
 * }
 * ```
 */
export class MemoryTun extends EventEmitter<MemoryTunEvents> implements Tun {
  readonly name: string;
  readonly fd: number = -1;
  /** Set by the device. */
  onReadable: (() => void) | undefined = undefined;
  /** Set by the device. */
  onLinkChange: ((change: TunLinkChange) => void) | undefined = undefined;
  readonly #queueLength: number;
  #queue: Uint8Array[] = [];
  #first = 0;
  #mtu: number;
  #isClosed = false;

  /** @throws {TypeError | RangeError} an unknown option; `mtu` or `queueLength` is out of range */
  constructor(options: MemoryTunOptions = {}) {
    super();
    checkObject(options, 'options', ['name', 'mtu', 'queueLength']);
    const { name = 'memory', mtu = DEFAULT_MTU, queueLength = 1024 } = options;
    checkInteger(mtu, 'mtu', 1, MAX_MTU);
    checkInteger(queueLength, 'queueLength', 1, 2 ** 20);
    this.name = name;
    this.#mtu = mtu;
    this.#queueLength = queueLength;
  }

  /** Maximum length of a packet in bytes. */
  get mtu(): number {
    return this.#mtu;
  }

  /** Changes the MTU while the device runs. @throws {RangeError} `mtu` is out of range */
  setMtu(mtu: number): void {
    checkInteger(mtu, 'mtu', 1, MAX_MTU);
    this.#mtu = mtu;
    this.onLinkChange?.({ type: 'mtu', mtu });
  }

  /**
   * Sets the link up or down. Down closes the device's sockets and ends its sessions.
   *
   * @throws {TypeError} `up` is not a boolean
   */
  setUp(up: boolean): void {
    if (typeof up !== 'boolean') {
      throw new TypeError(`"up" expected true or false, got ${describe(up)}`);
    }
    this.onLinkChange?.({ type: up ? 'up' : 'down' });
  }

  /**
   * Sends one IP packet into the tunnel. The packet is copied.
   *
   * @returns false if the packet was dropped: the queue is full, the TUN is closed, or the packet
   *   is longer than 65535 bytes
   * @throws {TypeError} `packet` is not a Uint8Array
   */
  send(packet: Uint8Array): boolean {
    if (!(packet instanceof Uint8Array)) {
      throw new TypeError(`"packet" expected a Uint8Array, got ${typeof packet}`);
    }
    if (packet.length > LONGEST_PACKET) return false;
    if (this.#isClosed || this.#queue.length - this.#first >= this.#queueLength) return false;
    this.#queue.push(new Uint8Array(packet));
    this.onReadable?.();
    return true;
  }

  /**
   * Iterates over the packets that come out of the tunnel after the iteration has begun, until the
   * TUN is closed.
   */
  async *packets(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#isClosed) return;
    for await (const [packet] of on(this, 'packet', { close: ['close'] }))
      yield packet as Uint8Array;
  }

  /** Calls `packets`, for `for await`. */
  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    return this.packets();
  }

  /** Called by the device: takes one packet out of the queue. */
  read(buffer: Uint8Array, offset: number, length: number): number {
    if (this.#isClosed) return -1;
    const packet = this.#queue[this.#first];
    if (!packet) return 0;
    this.#queue[this.#first++] = EMPTY;
    if (this.#first === this.#queue.length) {
      this.#queue = [];
      this.#first = 0;
    }
    // A packet that does not fit is cut, as a kernel would cut it.
    const space = length - VNET_HEADER_LENGTH;
    const kept = packet.length <= space ? packet : packet.subarray(0, space);
    clearVnetHeader(buffer, offset);
    buffer.set(kept, offset + VNET_HEADER_LENGTH);
    return kept.length + VNET_HEADER_LENGTH;
  }

  /** Called by the device: emits a packet from the tunnel. */
  write(buffer: Uint8Array, offset: number, length: number): number {
    if (this.#isClosed) return EIO;
    if (length <= VNET_HEADER_LENGTH) return EINVAL;
    if (this.listenerCount('packet') > 0) {
      const packet = buffer.subarray(offset + VNET_HEADER_LENGTH, offset + length);
      this.emit('packet', new Uint8Array(packet));
    }
    return length;
  }

  /** Closes the TUN. This closes the device too, as deleting an interface does. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue = [];
    this.#first = 0;
    this.onReadable?.();
    this.emit('close');
  }
}

const EIO = -5;
const EINVAL = -22;
const LONGEST_PACKET = 65_535;
const EMPTY = new Uint8Array(0);
