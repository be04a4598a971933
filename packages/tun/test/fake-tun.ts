/**
 * A fake TUN device and a fake of the thread that watches it. A test decides when packets come.
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

/** A device with the methods that a `TunStream` uses. */
export class FakeTun implements StreamPart {
  readonly name: string = 'fake0';
  fd = 1000;
  mtu = 1500;
  isUp = false;
  /** Packets to read; a number is what `read` returns instead. */
  readonly toRead: (Uint8Array | number)[] = [];
  /** The packets that were written, without their vnet headers. */
  readonly written: Uint8Array[] = [];
  /** The vnet headers of the packets in `written`. */
  readonly headers: Uint8Array[] = [];
  /** What the next calls of `write` return instead of the length. */
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

/** Stands for a `Readiness` and its thread: calls `onReady` when the test calls `fire`. */
export class FakeReadiness {
  /** The events that were requested last; 0 after they were reported. */
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

  /** Does what the thread does: clears the request, then reports the events. */
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
