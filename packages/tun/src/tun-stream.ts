/**
 * A TUN device as a stream, in the shape of the package node-tuntap2: one chunk is one IP packet.
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
 * What that package does not say, or does otherwise: properties can be read while the interface is
 * down; setting an address replaces the one before; `drop` tells of a packet that the kernel refused.
 *
 * @module
 */
import { Duplex } from 'node:stream';
import { formatCidr } from '@litz/core';
import { linux, SystemError, type AssignedAddress } from '@litz/sys';
import { parseInterfaceAddress } from './address-text.ts';
import { VNET_HEADER_LENGTH } from './offload/vnet-header.ts';
import { Readiness } from './readiness.ts';
import { openTun, type TunDevice } from './tun-device.ts';

export interface TunStreamOptions {
  /** 'tun0', or with one `%d` for which the kernel chooses the number; default 'tun%d'. */
  readonly name?: string;
  /** 68 to 65535; default: as the kernel has it, 1500. */
  readonly mtu?: number;
  /** Packets that wait to be read, besides those that the kernel keeps; default 64. */
  readonly readableHighWaterMark?: number;
}

type Callback = (error?: Error | null) => void;

const LONGEST_PACKET = 65535;
const PACKETS_PER_TURN = 64;
/** What `TunDevice.read` returns of an interface that is gone. */
const GONE = -1;
/** Reads that fail in a row before it ends. */
const MOST_FAILURES = 8;
const RT_SCOPE_UNIVERSE = 0;
const EBADF = 9;
const EBADFD = 77;
const ECANCELED = 125;

/**
 * It keeps the process alive until `release`, `destroy` or `unref`. When the interface is deleted by
 * somebody else, the stream is destroyed with an error (EBADFD), at the latest when it is next read
 * from or written to.
 *
 * Events, besides those of a Duplex: `drop` with a `SystemError`, once per packet that the kernel
 * refused (EIO while the interface is down, EINVAL for what is no IP packet) or could not give. When it
 * gives none at all, eight times in a row, the stream is destroyed with that error.
 */
export class TunStream extends Duplex {
  readonly isTun: boolean = true;
  readonly isTap: boolean = false;
  readonly #device: TunDevice;
  readonly #readiness: Readiness;
  readonly #buffer: Buffer = Buffer.alloc(VNET_HEADER_LENGTH + LONGEST_PACKET);
  /** `_read` was called, and what was pushed since is not enough. */
  #isReading = false;
  /** Packets that may be read before other work of the event loop has its turn. */
  #leftOfTurn: number = PACKETS_PER_TURN;
  #unsent: { packets: Uint8Array[]; callback: Callback } | undefined = undefined;

  /** @throws what `openTun` throws */
  constructor({ name = 'tun%d', mtu, readableHighWaterMark = 64 }: TunStreamOptions = {}) {
    // Object mode, so that packets that wait are not read as one.
    super({ readableObjectMode: true, readableHighWaterMark, autoDestroy: true });
    this.#device = openTun(mtu === undefined ? { name } : { name, mtu });
    try {
      this.#readiness = new Readiness({
        fd: this.#device.fd,
        onReady: () => this.#ready(),
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

  /** -1 once released. */
  get fd(): number {
    return this.#device.fd;
  }

  /** A TUN has none; what node-tuntap2 shows then. Cannot be set. */
  get mac(): string {
    return '00:00:00:00:00:00';
  }

  get mtu(): number {
    return this.#device.mtu;
  }

  /** @throws {RangeError} it is not 68 to 65535 */
  set mtu(mtu: number) {
    this.#device.setMtu(mtu);
  }

  /** 'a.b.c.d/length'; undefined if there is none. */
  get ipv4(): string | undefined {
    return this.#address(4);
  }

  /** Replaces all IPv4 addresses; undefined: leaves none. */
  set ipv4(address: string | undefined) {
    this.#setAddress(4, address, 'ipv4');
  }

  /** The global one, or else the link-local one. */
  get ipv6(): string | undefined {
    return this.#address(6);
  }

  /** Replaces all global IPv6 addresses; undefined: leaves none. */
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

  /** Destroys the stream. When this returns, the interface is gone. */
  release(callback?: () => void): void {
    if (callback) {
      if (this.closed) queueMicrotask(callback);
      else this.once('close', callback);
    }
    this.destroy();
  }

  /** Keeps the process alive, as it does from the beginning. */
  ref(): this {
    this.#readiness.ref();
    return this;
  }

  /** Lets the process end although the interface is open. */
  unref(): this {
    this.#readiness.unref();
    return this;
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

  #ready(): void {
    if (this.destroyed) return;
    const unsent = this.#unsent;
    this.#unsent = undefined;
    if (unsent) this.#send(unsent.packets, unsent.callback);
    if (this.#isReading) this.#receive();
  }

  /** Until there is nothing more, nobody wants more, or it was others' turn. */
  #receive(): void {
    // A listener may end it in between.
    while (this.#isReading && !this.destroyed && this.#leftOfTurn > 0) {
      const packet = this.#receiveOne();
      if (!packet) return;
      this.#leftOfTurn--;
      // While a stream flows, `_read` follows at once: that is the same turn still.
      if (this.#leftOfTurn === 0) setImmediate(() => this.#nextTurn());
      if (!this.push(packet)) this.#isReading = false;
    }
  }

  #nextTurn(): void {
    this.#leftOfTurn = PACKETS_PER_TURN;
    this.#receive();
  }

  /** A copy; undefined: nothing there, so it waits, or the interface is gone, so the stream ends. */
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
      // A packet that cannot be read is lost; if none can, nobody would be told otherwise.
      if (length === GONE || failures === MOST_FAILURES) this.destroy(error);
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
    this.#readiness.want((this.#isReading ? linux.POLLIN : 0) | (this.#unsent ? linux.POLLOUT : 0));
  }

  #address(family: 4 | 6): string | undefined {
    const address = this.#own(family)[0] ?? this.#addresses(family)[0];
    return address && formatCidr(address);
  }

  #setAddress(family: 4 | 6, text: string | undefined, argument: string): void {
    const wanted = text === undefined ? undefined : parseInterfaceAddress(text, family, argument);
    // One after the other: with the first IPv4 address of a subnet its others may go as well.
    for (let found = this.#own(family)[0]; found; found = this.#own(family)[0]) {
      this.#device.deleteAddress(found);
    }
    if (wanted) this.#device.addAddress(wanted, family === 6 ? { noDad: true } : {});
  }

  /** But the link-local one that the kernel makes for IPv6. */
  #own(family: 4 | 6): AssignedAddress[] {
    const all = this.#addresses(family);
    return family === 4 ? all : all.filter(({ scope }) => scope === RT_SCOPE_UNIVERSE);
  }

  #addresses(family: 4 | 6): AssignedAddress[] {
    const length = family === 4 ? 4 : 16;
    return this.#device.addresses().filter(({ address }) => address.length === length);
  }
}
