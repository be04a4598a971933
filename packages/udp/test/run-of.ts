/**
 * `runOf`: makes a `DatagramRun` from a list of numbers.
 *
 * @module
 */
import type { DatagramRun, Endpoint } from '@litz/core';

export function runOf(
  buffer: Uint8Array,
  offset: number,
  length: number,
  lastLength: number,
  stride: number,
  count: number,
  destination: Endpoint,
  tos = 0,
): DatagramRun {
  return { buffer, offset, length, lastLength, stride, count, destination, tos };
}
