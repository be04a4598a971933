/**
 * `TunStream`: a TUN device as a stream, with the API of the package node-tuntap2. One chunk is one
 * IP packet.
 *
 * ```ts
 * const tun = new TunStream();
 * tun.mtu = 1400;
 * tun.ipv4 = '10.0.0.100/24';
 * tun.isUp = true;
 * tun.on('data', (packet) => console.log(packet.length));
 * // ... and in the end
 * tun.release();
 * ```
 *
 * There are three differences from node-tuntap2. Properties can be read while the interface is
 * down. Setting an address replaces the earlier one. The event `drop` reports a packet that the
 * kernel refused.
 *
 * @module
 */
import { Duplex } from 'node:stream';
import { linux, SystemError } from '@litz/sys';
import { parseInterfaceAddress } from './address-text.ts';
import { addressText, replaceAddresses } from './interface-addresses.ts';
import { VNET_HEADER_LENGTH } from './offload/vnet-header.ts';
import { Readiness } from './readiness.ts';
import { openTun } from './open-tun.ts';
import type { TunDevice } from './tun-device.ts';

/** The options of a `TunStream`. */
export interface TunStreamOptions {
  /**
   * A name like 'tun0', or a template with one `%d`, which the kernel replaces with a number.
   * Default 'tun%d'.
   */
  readonly name?: string;
  /** 68 to 65535 bytes. Default: the value of the kernel, 1500. */
  readonly mtu?: number;
  /**
   * How many packets the stream keeps until they are read. The kernel queues further packets.
   * Default 64.
   */
  readonly readableHighWaterMark?: number;
}

type Callback = (error?: Error | null) => void;

/**
 * A TUN device as a Duplex stream. It keeps the process alive until `release`, `destroy` or
 * `unref`. If another program deletes the interface, the stream is destroyed with an error
 * (EBADFD), at the latest with the next read or write.
 *
 * In addition to the events of a Duplex, it emits `drop` with a `SystemError` for each packet that
 * is lost. Either the kernel refused the packet (EIO while the interface is down, EINVAL for bytes
 * that are not an IP packet), or the packet is longer than 65535 bytes (EMSGSIZE), or it could not
 * be read. After eight failed reads in a row the stream is destroyed with the error of the last
 * read.
 *
 * @example
 *
 * ```ts
 * // As root, on Linux.
 * import { TunStream } from '@litz/tun';
 *
 * const tun = new TunStream({ name: 'tun%d', mtu: 1400 });
 * tun.ipv4 = '10.0.0.100/24';
 * tun.isUp = true;
 * tun.on('data', (packet: Buffer) => console.log(`${packet.length} bytes`));
 * setTimeout(() => tun.release(), 100);
 * ```
 */
export class TunStream extends Duplex {
  readonly isTun: boolean = true;
  readonly isTap: boolean = false;
  readonly #device: TunDevice;
  readonly #readiness: Readiness;
  readonly #buffer: Buffer = Buffer.alloc(VNET_HEADER_LENGTH + LONGEST_PACKET);
  /** Whether `_read` was called and the stream still accepts packets. */
  #isReading = false;
  /** How many more packets may be read in this turn of the event loop. */
  #leftOfTurn: number = PACKETS_PER_TURN;
  #unsent: { packets: Uint8Array[]; callback: Callback } | undefined = undefined;

  /** @throws the errors of `openTun` */
  constructor({ name = 'tun%d', mtu, readableHighWaterMark = 64 }: TunStreamOptions = {}) {
    // In object mode, so that waiting packets are not joined to one chunk.
    super({ readableObjectMode: true, readableHighWaterMark, autoDestroy: true });
    this.#device = openTun(mtu === undefined ? { name } : { name, mtu });
    try {
      this.#readiness = new Readiness({
        fd: this.#device.fd,
        onReady: () => this.#continue(),
        onError: (error) => this.destroy(error),
      });
    } catch (error) {
      this.#device.close();
      throw error;
    }
  }

  get name(): string {
    return this.#device.name;
  }

  /** -1 after `release`. */
  get fd(): number {
    return this.#device.fd;
  }

  /** Always zero, as in node-tuntap2: a TUN has no MAC address. Cannot be set. */
  get mac(): string {
    return '00:00:00:00:00:00';
  }

  get mtu(): number {
    return this.#device.mtu;
  }

  /** @throws {RangeError} `mtu` is not an integer from 68 to 65535 */
  set mtu(mtu: number) {
    this.#device.setMtu(mtu);
  }

  /** In the form 'a.b.c.d/length'; undefined if there is none. */
  get ipv4(): string | undefined {
    return addressText(this.#device, 4);
  }

  /** Replaces all IPv4 addresses. undefined removes them. */
  set ipv4(address: string | undefined) {
    this.#setAddress(4, address, 'ipv4');
  }

  /** The global address, or the link-local one if there is no global one. */
  get ipv6(): string | undefined {
    return addressText(this.#device, 6);
  }

  /** Replaces all global IPv6 addresses. undefined removes them. */
  set ipv6(address: string | undefined) {
    this.#setAddress(6, address, 'ipv6');
  }

  get isUp(): boolean {
    return this.#device.isUp;
  }

  set isUp(up: boolean) {
    if (up) this.#device.up();
    else this.#device.down();
  }

  /**
   * Destroys the stream. When this returns, the device is closed, and the interface is gone unless
   * it was persistent before. `callback` is called after the event `close`.
   */
  release(callback?: () => void): void {
    if (callback) {
      if (this.closed) queueMicrotask(callback);
      else this.once('close', callback);
    }
    this.destroy();
  }

  /** Keeps the process alive. This is the default. */
  ref(): this {
    this.#readiness.ref();
    return this;
  }

  /** Lets the process end while the interface is open. */
  unref(): this {
    this.#readiness.unref();
    return this;
  }

  #setAddress(family: 4 | 6, text: string | undefined, argument: string): void {
    const wanted = text === undefined ? undefined : parseInterfaceAddress(text, family, argument);
    replaceAddresses(this.#device, family, wanted);
  }

  override _read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#receive();
  }

  override _write(
    packet: Uint8Array,
    _encoding: BufferEncoding,
    callback: (error?: Error | null) => void,
  ): void {
    this.#send([packet], callback);
  }

  override _writev(
    chunks: { chunk: Uint8Array }[],
    callback: (error?: Error | null) => void,
  ): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const unsent = this.#unsent;
    this.#unsent = undefined;
    this.#readiness.stop();
    this.#device.close();
    unsent?.callback(error ?? new SystemError('write', ECANCELED, `${this.name} was released`));
    void this.#readiness.ended.then(() => callback(error));
  }

  #continue(): void {
    if (this.destroyed) return;
    const unsent = this.#unsent;
    this.#unsent = undefined;
    if (unsent) this.#send(unsent.packets, unsent.callback);
    if (this.#isReading) this.#receive();
  }

  /** Reads until there are no more packets, the stream accepts no more, or the turn is over. */
  #receive(): void {
    // A listener may destroy the stream meanwhile.
    while (this.#isReading && !this.destroyed && this.#leftOfTurn > 0) {
      const packet = this.#receiveOne();
      if (!packet) return;
      this.#leftOfTurn--;
      // While a stream flows, `_read` is called again at once. That still belongs to the same turn.
      if (this.#leftOfTurn === 0) setImmediate(() => this.#nextTurn());
      if (!this.push(packet)) this.#isReading = false;
    }
  }

  #nextTurn(): void {
    this.#leftOfTurn = PACKETS_PER_TURN;
    this.#receive();
  }

  /**
   * Returns a copy of the next packet. If there is none, requests a call of `onReady` when one
   * comes, and returns undefined. If the interface is gone, destroys the stream, and returns
   * undefined.
   */
  #receiveOne(): Buffer | undefined {
    const buffer = this.#buffer;
    for (let failures = 1; ; failures++) {
      const length = this.#device.read(buffer, 0, buffer.length);
      if (length > 0) return Buffer.from(buffer.subarray(VNET_HEADER_LENGTH, length));
      if (length === 0) {
        this.#wait();
        return undefined;
      }
      const error =
        length === GONE
          ? new SystemError('read', EBADFD, `${this.name} is gone`)
          : new SystemError('read', -length, `cannot read from ${this.name}`);
      // A packet that cannot be read is lost. After several failures in a row the stream is
      // destroyed: without this limit, it would try without end.
      if (length === GONE || failures === MAX_READ_FAILURES) this.destroy(error);
      else this.emit('drop', error);
      if (this.destroyed) return undefined;
    }
  }

  #send(packets: Uint8Array[], callback: Callback): void {
    for (const [i, packet] of packets.entries()) {
      const result = this.#sendOne(packet);
      if (result === 0) {
        this.#unsent = { packets: packets.slice(i), callback };
        return this.#wait();
      }
      if (result > 0) continue;
      const error = new SystemError('write', -result, `cannot write to ${this.name}`);
      if (-result === EBADFD || -result === EBADF) return callback(error);
      this.emit('drop', error);
    }
    return callback();
  }

  #sendOne(packet: Uint8Array): number {
    if (packet.length > LONGEST_PACKET) return -linux.EMSGSIZE;
    this.#buffer.fill(0, 0, VNET_HEADER_LENGTH);
    this.#buffer.set(packet, VNET_HEADER_LENGTH);
    return this.#device.write(this.#buffer, 0, VNET_HEADER_LENGTH + packet.length);
  }

  #wait(): void {
    this.#readiness.request(
      (this.#isReading ? linux.POLLIN : 0) | (this.#unsent ? linux.POLLOUT : 0),
    );
  }
}

const LONGEST_PACKET = 65535;
// How many packets are read before other work of the event loop gets its turn.
const PACKETS_PER_TURN = 64;
/** `TunDevice.read` returns this when the interface is gone. */
const GONE = -1;
/** After this many failed reads in a row the stream is destroyed. */
const MAX_READ_FAILURES = 8;
const EBADF = 9;
const EBADFD = 77;
const ECANCELED = 125;
