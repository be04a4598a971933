/**
 * The blocks of pcapng that are not packets: the beginning of a file, and the statistics at its end
 * (draft-ietf-opsawg-pcapng, sections 4.1, 4.2 and 4.6).
 *
 * @module
 */
import { padded, writeTime } from './packet-block.ts';

/** One interface of a capture. */
export interface CaptureInterface {
  readonly name: string;
  readonly description: string;
}

/** The counters of one interface, for the end of a capture. */
export interface InterfaceCounts {
  /** Unix time in ms, like `endedAt`. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Packets that matched the filter. */
  readonly received: number;
  /** How many of these are not in the capture, because its reader was too slow. */
  readonly dropped: number;
}

/**
 * Returns the first blocks of a file: its header, and a block for each interface, which says that
 * the packets are raw IP packets.
 */
export function formatSection(
  application: string,
  interfaces: readonly CaptureInterface[],
  snapLength: number,
): Uint8Array {
  const section = block(SECTION_BLOCK, [
    numbers(BYTE_ORDER, VERSION, 0xffff_ffff, 0xffff_ffff),
    option(4, textBytes(application)),
  ]);
  return join([
    section,
    ...interfaces.map(({ name, description }) =>
      block(INTERFACE_BLOCK, [
        numbers(LINKTYPE_RAW, snapLength),
        option(2, textBytes(name)),
        option(3, textBytes(description)),
        option(9, Uint8Array.of(NANOSECONDS)),
      ]),
    ),
  ]);
}

/**
 * Returns the statistics of all interfaces, in the order of the interfaces.
 *
 * @param comment is added to the last block
 */
export function formatStatistics(
  interfaces: readonly InterfaceCounts[],
  comment?: string,
): Uint8Array {
  const last = interfaces.length - 1;
  return join(
    interfaces.map(({ startedAt, endedAt, received, dropped }, number) =>
      block(STATISTICS_BLOCK, [
        numbers(number),
        time(endedAt),
        ...(comment !== undefined && number === last ? [commentOf(comment)] : []),
        option(2, time(startedAt)),
        option(3, time(endedAt)),
        option(4, numbers(received, 0)),
        option(5, numbers(dropped, 0)),
      ]),
    ),
  );
}

/** Returns the last block of a capture that has failed. It has a comment, but no counters. */
export function formatFailure(comment: string): Uint8Array {
  return block(STATISTICS_BLOCK, [numbers(0), time(Date.now()), commentOf(comment)]);
}

function commentOf(text: string): Uint8Array {
  return option(1, textBytes(text.slice(0, LONGEST_COMMENT)));
}

function block(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const body = join([...parts, numbers(0)]);
  const length = body.length + 12;
  return join([numbers(type, length), body, numbers(length)]);
}

function option(code: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + padded(value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  bytes.set(value, 4);
  return bytes;
}

function numbers(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(i * 4, value, true);
  return bytes;
}

function time(unixMs: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const seconds = Math.floor(unixMs / 1000);
  const nanoseconds = Math.round((unixMs - seconds * 1000) * 1e6);
  writeTime(new DataView(bytes.buffer), 0, seconds, nanoseconds);
  return bytes;
}

function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** In UTF-16 units. */
const LONGEST_COMMENT = 1000;
/** Types of blocks. */
const SECTION_BLOCK = 0x0a0d_0d0a;
const INTERFACE_BLOCK = 1;
const STATISTICS_BLOCK = 5;

/** A magic number. Readers see by its bytes that all numbers of the file are little-endian. */
const BYTE_ORDER = 0x1a2b_3c4d;
/** Major version 1, minor version 0. */
const VERSION = 1;
/** IP packets without a link header. */
const LINKTYPE_RAW = 101;
/** if_tsresol: times are multiples of 10^-9 s. */
const NANOSECONDS = 9;
