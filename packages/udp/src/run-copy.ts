/**
 * `RunCopy`: our own copy of a run of datagrams, which is then checked and queued.
 *
 * The fields of a caller's object may change between two reads. So each field is copied once,
 * before it is checked. The object is reused, so nothing is allocated.
 *
 * @module
 */
import type { DatagramRun, Endpoint } from '@litz/core';

export class RunCopy implements DatagramRun {
  buffer: Uint8Array = NO_BYTES;
  offset = 0;
  length = 0;
  lastLength = 0;
  stride = 0;
  count = 1;
  // Assigned before it is read.
  destination!: Endpoint;
  tos = 0;

  copy(run: DatagramRun): this {
    this.buffer = run.buffer;
    this.offset = run.offset;
    this.length = run.length;
    this.lastLength = run.lastLength;
    this.stride = run.stride;
    this.count = run.count;
    this.destination = run.destination;
    this.tos = run.tos;
    return this;
  }

  /** Makes a run of one datagram. */
  single(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Endpoint,
    tos: number,
  ): this {
    this.buffer = buffer;
    this.offset = offset;
    this.length = length;
    this.lastLength = length;
    this.stride = 0;
    this.count = 1;
    this.destination = destination;
    this.tos = tos;
    return this;
  }

  /** Drops the reference to the buffer. */
  clear(): void {
    this.buffer = NO_BYTES;
  }
}

const NO_BYTES = new Uint8Array(0);
