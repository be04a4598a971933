/**
 * `OwnRun`: a run of datagrams as it is checked and queued.
 *
 * What a caller gives may be an object whose fields change between two looks at them: it is copied field
 * by field, once, before it is checked. The record is used again, so nothing is allocated.
 *
 * @module
 */
import type { DatagramRun, Endpoint } from '@litz/core';

export class OwnRun implements DatagramRun {
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

  /** A run of one. */
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

  /** Lets go of the memory. */
  clear(): void {
    this.buffer = NO_BYTES;
  }
}

const NO_BYTES = new Uint8Array(0);
