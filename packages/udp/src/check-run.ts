/**
 * Checks of what is to be sent, before anything of it is queued: the queue hands on addresses, which know
 * no bounds.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import { checkAddress, checkBytes, checkInteger, checkObject } from '@litz/sys';

/**
 * `count` datagrams, `stride` bytes apart from `offset` on: each of `each` bytes, the last of `last`.
 *
 * @throws {TypeError} `buffer` is no Uint8Array, or another argument no number
 * @throws {RangeError} a number is no integer or below 0, `count` below 1, `last` above `each`, or a
 *   datagram is not within the buffer
 */
export function checkRun(
  buffer: Uint8Array,
  offset: number,
  each: number,
  last: number,
  stride: number,
  count: number,
): void {
  if (
    buffer instanceof Uint8Array &&
    Number.isInteger(offset) &&
    Number.isInteger(each) &&
    Number.isInteger(last) &&
    Number.isInteger(stride) &&
    Number.isInteger(count) &&
    offset >= 0 &&
    last >= 0 &&
    last <= each &&
    stride >= 0 &&
    count >= 1 &&
    endOf(offset, each, last, stride, count) <= Math.min(buffer.length, LONGEST)
  ) {
    return;
  }
  explain(buffer, offset, each, last, stride, count);
}

/** Behind the last byte of all: the last datagram may be shorter, and the one before end later. */
export function endOf(
  offset: number,
  each: number,
  last: number,
  stride: number,
  count: number,
): number {
  const end = offset + (count - 1) * stride + last;
  return count === 1 ? end : Math.max(end, offset + (count - 2) * stride + each);
}

function explain(
  buffer: Uint8Array,
  offset: number,
  each: number,
  last: number,
  stride: number,
  count: number,
): never {
  checkBytes('buffer', buffer);
  checkInteger('offset', offset, 0, LONGEST);
  checkInteger('each', each, 0, LONGEST);
  checkInteger('last', last, 0, each);
  checkInteger('stride', stride, 0, LONGEST);
  checkInteger('count', count, 1, LONGEST);
  throw new RangeError(
    `"buffer" expected ${endOf(offset, each, last, stride, count)} bytes for the datagrams from ` +
      `offset ${offset} on, got ${buffer.length}`,
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
