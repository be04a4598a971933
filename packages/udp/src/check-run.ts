/**
 * Checks datagrams before they are queued. The queue passes addresses of memory to the kernel,
 * which does not check the bounds of a buffer.
 *
 * @module
 */
import type { DatagramRun, Endpoint } from '@litz/core';
import { checkAddress, checkBytes, checkInteger, checkObject } from '@litz/sys';

/**
 * Checks all fields except `destination` and `tos`. `run` must be our own copy (`RunCopy`), so that
 * the checked values are the queued values.
 *
 * @throws {TypeError} `buffer` is not a Uint8Array, or another field is not a number
 * @throws {RangeError} a number is not an integer or is negative, `count` is below 1, `lastLength`
 *   is above `length`, `stride` is below `length` although `count` is above 1, or a datagram is
 *   outside the buffer
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
    endOfRun(offset, length, lastLength, stride, count) <= Math.min(buffer.length, LONGEST)
  ) {
    return;
  }
  throwError(run);
}

/**
 * Returns the offset after the last byte of all datagrams, also if `stride` is less than `length`.
 */
export function endOfRun(
  offset: number,
  length: number,
  lastLength: number,
  stride: number,
  count: number,
): number {
  const end = offset + (count - 1) * stride + lastLength;
  return count === 1 ? end : Math.max(end, offset + (count - 2) * stride + length);
}

/**
 * Checks a destination. The constructor of `Endpoint` checks its fields; this function also checks
 * objects that only look like an endpoint.
 *
 * @throws {TypeError} `destination` is not an endpoint
 * @throws {RangeError} `tos` is not an integer from 0 to 255, or a number of the endpoint is out of
 *   range
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

function throwError(run: DatagramRun): never {
  const { buffer, offset, length, lastLength, stride, count } = run;
  checkBytes('buffer', buffer);
  checkInteger('offset', offset, 0, LONGEST);
  checkInteger('length', length, 0, LONGEST);
  checkInteger('lastLength', lastLength, 0, length);
  checkInteger('count', count, 1, LONGEST);
  // Datagrams must not overlap. If they could, a run could have so many datagrams that sending
  // never ends.
  checkInteger('stride', stride, count === 1 ? 0 : Math.max(length, 1), LONGEST);
  const end = endOfRun(offset, length, lastLength, stride, count);
  throw new RangeError(
    `"buffer" expected ${end} bytes for the datagrams from offset ${offset} on, got ${buffer.length}`,
  );
}

/**
 * The last destination that passed the check. It is not checked again, because most datagrams have
 * the same destination as the one before.
 */
let lastDestination: Endpoint | undefined;
/** The largest offset: offsets in a queue are 31 bits wide. */
const LONGEST = 0x7fff_ffff;
