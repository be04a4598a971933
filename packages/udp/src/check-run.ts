/**
 * Checks of what is to be sent, before anything of it is queued: the queue hands on addresses, which know
 * no bounds.
 *
 * @module
 */
import type { DatagramRun, Endpoint } from '@litz/core';
import { checkAddress, checkBytes, checkInteger, checkObject } from '@litz/sys';

/**
 * All but the destination. `run` is a record of ours: what was checked must be what is queued.
 *
 * @throws {TypeError} `buffer` is no Uint8Array, or another field no number
 * @throws {RangeError} a number is no integer or below 0, `count` below 1, `lastLength` above `length`,
 *   `stride` below it, or a datagram is not within the buffer
 */
export function checkRun(run: DatagramRun): void {
  const { buffer, offset, length, lastLength, stride, count } = run;
  if (
    buffer instanceof Uint8Array &&
    Number.isInteger(offset) &&
    Number.isInteger(length) &&
    Number.isInteger(lastLength) &&
    Number.isInteger(stride) &&
    Number.isInteger(count) &&
    offset >= 0 &&
    lastLength >= 0 &&
    lastLength <= length &&
    stride >= 0 &&
    count >= 1 &&
    (count === 1 || stride >= Math.max(length, 1)) &&
    endOf(offset, length, lastLength, stride, count) <= Math.min(buffer.length, LONGEST)
  ) {
    return;
  }
  explain(run);
}

/** Behind the last byte of all: the last datagram may be shorter, and the one before end later. */
export function endOf(
  offset: number,
  length: number,
  lastLength: number,
  stride: number,
  count: number,
): number {
  const end = offset + (count - 1) * stride + lastLength;
  return count === 1 ? end : Math.max(end, offset + (count - 2) * stride + length);
}

function explain(run: DatagramRun): never {
  const { buffer, offset, length, lastLength, stride, count } = run;
  checkBytes('buffer', buffer);
  checkInteger('offset', offset, 0, LONGEST);
  checkInteger('length', length, 0, LONGEST);
  checkInteger('lastLength', lastLength, 0, length);
  checkInteger('count', count, 1, LONGEST);
  // Datagrams that stood on each other could be more than anybody waits for.
  checkInteger('stride', stride, count === 1 ? 0 : Math.max(length, 1), LONGEST);
  const end = endOf(offset, length, lastLength, stride, count);
  throw new RangeError(
    `"buffer" expected ${end} bytes for the datagrams from offset ${offset} on, got ${buffer.length}`,
  );
}

/**
 * Endpoints are checked when they are made; what only looks like one is looked at here.
 *
 * @throws {TypeError} `destination` is no endpoint
 * @throws {RangeError} `tos` is no integer from 0 to 255, or a number of the endpoint out of range
 */
export function checkDestination(destination: Endpoint, tos: number): void {
  if (!Number.isInteger(tos) || tos < 0 || tos > 0xff) checkInteger('tos', tos, 0, 0xff);
  if (lastDestination !== undefined && destination === lastDestination) return;
  checkObject('destination', destination);
  const { address, sourceAddress } = destination;
  checkAddress('destination.address', address);
  if (sourceAddress !== undefined) checkAddress('destination.sourceAddress', sourceAddress);
  checkInteger('destination.port', destination.port, 1, 0xffff);
  checkInteger('destination.scopeId', destination.scopeId, 0, 0xffff_ffff);
  checkInteger('destination.sourceInterface', destination.sourceInterface, 0, 0xffff_ffff);
  lastDestination = destination;
}

/** Mostly it is the one of the datagram before. */
let lastDestination: Endpoint | undefined;
/** Offsets of a queue are 31 bits wide. */
const LONGEST = 0x7fff_ffff;
