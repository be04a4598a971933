/**
 * A TUN and sockets that do what a test tells them.
 *
 * @module
 */
import { Endpoint, type DatagramRun } from '@litz/core';
import type { DatagramSink, DatagramSocket, Tun } from '../../src/plane/io-interfaces.ts';

const VNET = 10;

export class FakeTun implements Tun {
  readonly name: string = 'fake';
  readonly mtu: number = 1420;
  readonly fd: number = -1;
  /** The packets that `read` returns, in order. */
  readonly incoming: Uint8Array[] = [];
  /** What was written, without its vnet header. */
  readonly written: Uint8Array[] = [];
  /** The vnet headers of `written`. */
  readonly headers: Uint8Array[] = [];
  /** The vnet header of each packet of `incoming`. */
  vnetHeader: Uint8Array = new Uint8Array(VNET);
  /** If set, `write` returns this and writes nothing. */
  writeFails: number | undefined = undefined;
  /** What the next reads return instead of packets. */
  readonly readFails: number[] = [];
  isGone = false;
  isClosed = false;

  read(buffer: Uint8Array, offset: number, length: number): number {
    if (this.isGone) return -1;
    const failure = this.readFails.shift();
    if (failure !== undefined) return failure;
    const packet = this.incoming.shift();
    if (!packet) return 0;
    if (packet.length + VNET > length) throw new RangeError('no room');
    buffer.set(this.vnetHeader, offset);
    buffer.set(packet, offset + VNET);
    return packet.length + VNET;
  }

  write(buffer: Uint8Array, offset: number, length: number): number {
    if (this.writeFails !== undefined) return this.writeFails;
    this.headers.push(buffer.slice(offset, offset + VNET));
    this.written.push(buffer.slice(offset + VNET, offset + length));
    return length;
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A datagram as it was when it was flushed. */
export interface SentDatagram {
  readonly bytes: Uint8Array;
  readonly destination: Endpoint;
  readonly tos: number;
}

export class FakeSockets implements DatagramSocket {
  readonly port: number;
  readonly fds: readonly number[];
  readonly counters: { receiveDroppedTruncated: number } = { receiveDroppedTruncated: 0 };
  readonly incoming: Uint8Array[] = [];
  readonly sent: SentDatagram[] = [];
  /** How many datagrams each flush has sent. */
  readonly flushes: number[] = [];
  /** How many datagrams each run had. */
  readonly runs: number[] = [];
  readonly calls: string[] = [];
  batch = 64;
  source: Endpoint = new Endpoint(Uint8Array.of(192, 0, 2, 2), 51820);
  onSend: ((destination: Endpoint) => void) | undefined = undefined;
  markFails = false;
  readonly #queue: {
    buffer: Uint8Array;
    offset: number;
    length: number;
    destination: Endpoint;
    tos: number;
  }[] = [];

  constructor({ port = 1, fds = [] }: { port?: number; fds?: number[] } = {}) {
    this.port = port;
    this.fds = fds;
  }

  send(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Endpoint,
    tos: number,
  ): void {
    this.#queue.push({ buffer, offset, length, destination, tos });
  }

  sendRun({
    buffer,
    offset,
    length,
    lastLength,
    stride,
    count,
    destination,
    tos,
  }: DatagramRun): void {
    this.runs.push(count);
    for (let i = 0; i < count; i++) {
      this.send(buffer, offset + i * stride, i < count - 1 ? length : lastLength, destination, tos);
    }
  }

  flush(): void {
    if (this.#queue.length === 0) return;
    this.flushes.push(this.#queue.length);
    for (const { buffer, offset, length, destination, tos } of this.#queue.splice(0)) {
      this.onSend?.(destination);
      this.sent.push({ bytes: buffer.slice(offset, offset + length), destination, tos });
    }
  }

  receive(sink: DatagramSink): number {
    const batch = this.incoming.splice(0, this.batch);
    // The datagrams are in consecutive slots of one buffer, as the kernel fills them.
    const slots = new Uint8Array(batch.length * 2048);
    for (const [i, bytes] of batch.entries()) slots.set(bytes, i * 2048);
    for (const [i, bytes] of batch.entries()) {
      sink(slots, i * 2048, bytes.length, this.source, 0);
    }
    return batch.length;
  }

  setMark(mark: number): void {
    this.calls.push(`setMark ${mark}`);
    if (this.markFails) throw new Error('setsockopt: EPERM');
  }

  close(): void {
    this.calls.push('close');
  }
}
