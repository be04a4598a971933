/**
 * A TUN device and a thread that watches it, without a kernel: for packets that come at the worst time.
 *
 * @module
 */
import type { AssignedAddress, InterfaceAddress } from '@litz/sys';
import { VNET_HEADER_LENGTH } from '../src/offload/vnet-header.ts';
import type { TunDevice } from '../src/tun-device.ts';
import type { ReadinessOptions } from '../src/readiness.ts';

type StreamPart = Pick<
  TunDevice,
  | 'name'
  | 'fd'
  | 'mtu'
  | 'isUp'
  | 'read'
  | 'write'
  | 'up'
  | 'down'
  | 'setMtu'
  | 'addresses'
  | 'addAddress'
  | 'deleteAddress'
  | 'close'
>;

const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;

/** What a `TunStream` uses of a device. */
export class FakeTun implements StreamPart {
  readonly name: string = 'fake0';
  fd = 1000;
  mtu = 1500;
  isUp = false;
  /** Packets to read; a number is what `read` returns instead. */
  readonly toRead: (Uint8Array | number)[] = [];
  /** What was written, without its header. */
  readonly written: Uint8Array[] = [];
  /** Headers of the same. */
  readonly headers: Uint8Array[] = [];
  /** What the next writes return instead of success. */
  readonly results: number[] = [];
  #addresses: AssignedAddress[] = [];

  read(buffer: Uint8Array, offset: number, length: number): number {
    const next = this.toRead.shift() ?? 0;
    if (typeof next === 'number') return next;
    if (next.length + VNET_HEADER_LENGTH > length) throw new RangeError('it does not fit');
    buffer.fill(0xee, offset, offset + VNET_HEADER_LENGTH);
    buffer.set(next, offset + VNET_HEADER_LENGTH);
    return VNET_HEADER_LENGTH + next.length;
  }

  write(buffer: Uint8Array, offset: number, length: number): number {
    const result = this.results.shift();
    if (result !== undefined) return result;
    const packet = offset + VNET_HEADER_LENGTH;
    this.headers.push(new Uint8Array(buffer.subarray(offset, packet)));
    this.written.push(Buffer.from(buffer.subarray(packet, offset + length)));
    return length;
  }

  up(): void {
    this.isUp = true;
  }

  down(): void {
    this.isUp = false;
  }

  setMtu(mtu: number): void {
    this.mtu = mtu;
  }

  addresses(): AssignedAddress[] {
    return this.#addresses;
  }

  addAddress(address: InterfaceAddress): void {
    const scope = address.address[0] === 0xfe ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    this.#addresses.push({ ...address, interfaceIndex: 1, scope, tentative: false });
  }

  deleteAddress(address: InterfaceAddress): void {
    this.#addresses = this.#addresses.filter((one) => one !== address);
  }

  close(): void {
    this.fd = -1;
  }
}

/** Ready when the test says so. */
export class FakeReadiness {
  /** What was wished for last; 0 once it was told. */
  requested = 0;
  isStopped = false;
  isReferenced = true;
  readonly options: ReadinessOptions;
  readonly ended: Promise<void>;
  #end!: () => void;

  constructor(options: ReadinessOptions) {
    this.options = options;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  request(events: number): void {
    this.requested = events;
  }

  /** What the thread does: the wish is used up before it is told. */
  fire(events: number = this.requested): void {
    this.requested = 0;
    this.options.onReady(events);
  }

  stop(): void {
    this.isStopped = true;
    this.#end();
  }

  ref(): void {
    this.isReferenced = true;
  }

  unref(): void {
    this.isReferenced = false;
  }
}
