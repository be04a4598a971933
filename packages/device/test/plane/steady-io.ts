/**
 * A TUN that returns the same packet again and again, and sockets that pass datagrams to the
 * sockets of the other side. They allocate nothing, so a test measures only what the packet path
 * allocates.
 *
 * @module
 */
import type { DatagramRun, Endpoint } from '@litz/core';
import type { DatagramSink, DatagramSocket, Tun } from '../../src/plane/io-interfaces.ts';

const VNET = 10;
const SLOT = 2048;
const SLOTS = 64;

export class SteadyTun implements Tun {
  readonly name: string = 'steady';
  readonly mtu: number = 1420;
  readonly fd: number = -1;
  /** How many more packets `read` returns. */
  left = 0;
  written = 0;
  readonly #packet: Uint8Array;

  constructor(packet: Uint8Array) {
    this.#packet = new Uint8Array(VNET + packet.length);
    this.#packet.set(packet, VNET);
  }

  read(buffer: Uint8Array, offset: number, _length: number): number {
    if (this.left === 0) return 0;
    this.left--;
    buffer.set(this.#packet, offset);
    return this.#packet.length;
  }

  write(_buffer: Uint8Array, _offset: number, length: number): number {
    this.written++;
    return length;
  }

  close(): void {}
}

/** What is sent here is received at `other`, at most 64 datagrams at a time. */
export class SteadyWire implements DatagramSocket {
  readonly port: number = 1;
  readonly fds: readonly number[] = [1];
  readonly counters: { receiveDroppedTruncated: number } = { receiveDroppedTruncated: 0 };
  other: SteadyWire | undefined = undefined;
  readonly #source: Endpoint;
  readonly #slots: Uint8Array = new Uint8Array(SLOT * SLOTS);
  readonly #lengths: number[] = Array<number>(SLOTS).fill(0);
  #count = 0;

  /** @param source the source of all received datagrams */
  constructor(source: Endpoint) {
    this.#source = source;
  }

  send(buffer: Uint8Array, offset: number, length: number): void {
    this.other?.put(buffer, offset, length);
  }

  sendRun({ buffer, offset, length, lastLength, stride, count }: DatagramRun): void {
    for (let i = 0; i < count; i++) {
      this.send(buffer, offset + i * stride, i < count - 1 ? length : lastLength);
    }
  }

  put(buffer: Uint8Array, offset: number, length: number): void {
    const at = this.#count * SLOT;
    for (let i = 0; i < length; i++) this.#slots[at + i] = buffer[offset + i] ?? 0;
    this.#lengths[this.#count++] = length;
  }

  flush(): void {}

  receive(sink: DatagramSink): number {
    const count = this.#count;
    this.#count = 0;
    for (let i = 0; i < count; i++) {
      sink(this.#slots, i * SLOT, this.#lengths[i] ?? 0, this.#source, 0);
    }
    return count;
  }

  setMark(): void {}

  close(): void {}
}
