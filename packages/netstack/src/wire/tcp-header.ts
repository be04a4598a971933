/**
 * `TcpHeader`: the header of a TCP segment with its options, read into a record that is reused
 * (RFC 9293 3.1, RFC 7323 2.2 and 3.2, RFC 2018 2 and 3).
 *
 * ```
 *  0                4                8               12            13      14       16       18
 *  source, dest.    sequence         acknowledgement offset<<4     flags   window   checksum urgent
 * ```
 *
 * @module
 */
import { readInt32, readUint16, writeInt32, writeUint16 } from './bytes.ts';
import type { IpFields } from './ip-fields.ts';

/** Bits of the flags. */
export const TCP_FLAG = {
  FIN: 0x01,
  SYN: 0x02,
  RST: 0x04,
  PSH: 0x08,
  ACK: 0x10,
  URG: 0x20,
  ECE: 0x40,
  CWR: 0x80,
} as const;

/** Length of a header without options in bytes. */
export const TCP_HEADER_LENGTH = 20;
/** Length of the timestamps option with two bytes in front that align it (RFC 7323 A). */
export const TIMESTAMPS_LENGTH = 12;
/** Where the checksum is in the header. */
export const TCP_CHECKSUM_OFFSET = 16;

/** A received segment. */
export class TcpHeader {
  sourcePort: number = 0;
  destinationPort: number = 0;
  /** Signed. */
  sequence: number = 0;
  /** Signed; has a meaning only with the flag ACK. */
  acknowledgement: number = 0;
  flags: number = 0;
  /** As it is in the header, not scaled. */
  window: number = 0;
  /** Where the data begins in the buffer of the packet. */
  dataOffset: number = 0;
  dataLength: number = 0;

  /** 0: the option is missing. */
  maximumSegmentSize: number = 0;
  /** 0 to 14; -1: the option is missing. */
  windowScale: number = -1;
  allowsSack: boolean = false;
  hasTimestamps: boolean = false;
  timestamp: number = 0;
  timestampEcho: number = 0;
  /** start, end, start, end, ... of the SACK blocks. */
  readonly sackEdges: Int32Array = new Int32Array(2 * MOST_SACK_BLOCKS);
  sackCount: number = 0;

  /** The length in sequence numbers: SYN and FIN count as one each. */
  get sequenceLength(): number {
    const { SYN, FIN } = TCP_FLAG;
    return this.dataLength + (this.flags & SYN ? 1 : 0) + (this.flags & FIN ? 1 : 0);
  }

  /** Returns whether a flag is set. */
  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /**
   * Reads the segment that begins at `packet.transport`.
   *
   * @returns false if the segment is too short, or if its header states an impossible length
   */
  read(packet: IpFields): boolean {
    const { buffer, transport, transportLength } = packet;
    if (transportLength < TCP_HEADER_LENGTH) return false;
    const length = (buffer[transport + 12] >>> 4) * 4;
    if (length < TCP_HEADER_LENGTH || length > transportLength) return false;
    this.sourcePort = readUint16(buffer, transport);
    this.destinationPort = readUint16(buffer, transport + 2);
    this.sequence = readInt32(buffer, transport + 4);
    this.acknowledgement = readInt32(buffer, transport + 8);
    this.flags = buffer[transport + 13];
    this.window = readUint16(buffer, transport + 14);
    this.dataOffset = transport + length;
    this.dataLength = transportLength - length;
    this.maximumSegmentSize = 0;
    this.windowScale = -1;
    this.allowsSack = false;
    this.hasTimestamps = false;
    this.sackCount = 0;
    this.#readOptions(buffer, transport + TCP_HEADER_LENGTH, this.dataOffset);
    return true;
  }

  /** Reads the options (RFC 9293 3.2). A wrong option ends the list; the segment is still valid. */
  #readOptions(buffer: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end;) {
      const kind = buffer[at];
      if (kind === OPTION.END) return;
      if (kind === OPTION.NO_OPERATION) {
        at++;
        continue;
      }
      const length = at + 1 < end ? buffer[at + 1] : 0;
      if (length < 2 || at + length > end) return;
      this.#readOption(kind, buffer, at, length);
      at += length;
    }
  }

  #readOption(kind: number, buffer: Uint8Array, at: number, length: number): void {
    const isSyn = this.has(TCP_FLAG.SYN);
    if (kind === OPTION.TIMESTAMPS && length === 10) {
      this.hasTimestamps = true;
      this.timestamp = readInt32(buffer, at + 2);
      this.timestampEcho = readInt32(buffer, at + 6);
    } else if (kind === OPTION.SACK && length >= 10 && (length - 2) % 8 === 0) {
      this.#readSack(buffer, at + 2, (length - 2) / 8);
    } else if (kind === OPTION.MAXIMUM_SEGMENT_SIZE && length === 4 && isSyn) {
      this.maximumSegmentSize = readUint16(buffer, at + 2);
    } else if (kind === OPTION.WINDOW_SCALE && length === 3 && isSyn) {
      // RFC 7323 2.3: a larger shift counts as 14.
      this.windowScale = Math.min(14, buffer[at + 2]);
    } else if (kind === OPTION.SACK_PERMITTED && length === 2 && isSyn) {
      this.allowsSack = true;
    }
  }

  #readSack(buffer: Uint8Array, at: number, count: number): void {
    this.sackCount = Math.min(count, MOST_SACK_BLOCKS);
    for (let i = 0; i < this.sackCount * 2; i++) this.sackEdges[i] = readInt32(buffer, at + i * 4);
  }
}

/**
 * Writes the options of a SYN, other than the timestamps.
 *
 * @param windowScale 0 to 14; -1: without this option
 * @returns their length in bytes
 */
export function writeSynOptions(
  buffer: Uint8Array,
  offset: number,
  maximumSegmentSize: number,
  windowScale: number,
  allowsSack: boolean,
): number {
  let at = offset;
  buffer[at] = OPTION.MAXIMUM_SEGMENT_SIZE;
  buffer[at + 1] = 4;
  writeUint16(buffer, at + 2, maximumSegmentSize);
  at += 4;
  if (allowsSack) {
    writeInt32(buffer, at, (OPTION.NO_OPERATION << 24) | (OPTION.NO_OPERATION << 16));
    buffer[at + 2] = OPTION.SACK_PERMITTED;
    buffer[at + 3] = 2;
    at += 4;
  }
  if (windowScale !== -1) {
    buffer[at] = OPTION.NO_OPERATION;
    buffer[at + 1] = OPTION.WINDOW_SCALE;
    buffer[at + 2] = 3;
    buffer[at + 3] = windowScale;
    at += 4;
  }
  return at - offset;
}

/** Writes the timestamps option. Returns its length in bytes. */
export function writeTimestamps(
  buffer: Uint8Array,
  offset: number,
  timestamp: number,
  echo: number,
): number {
  buffer[offset] = buffer[offset + 1] = OPTION.NO_OPERATION;
  buffer[offset + 2] = OPTION.TIMESTAMPS;
  buffer[offset + 3] = 10;
  writeInt32(buffer, offset + 4, timestamp);
  writeInt32(buffer, offset + 8, echo);
  return TIMESTAMPS_LENGTH;
}

/** Writes a SACK option with two bytes in front that align it. Returns its length in bytes. */
export function writeSack(
  buffer: Uint8Array,
  offset: number,
  edges: Int32Array,
  count: number,
): number {
  buffer[offset] = buffer[offset + 1] = OPTION.NO_OPERATION;
  buffer[offset + 2] = OPTION.SACK;
  buffer[offset + 3] = 2 + count * 8;
  for (let i = 0; i < count * 2; i++) writeInt32(buffer, offset + 4 + i * 4, edges[i]);
  return 4 + count * 8;
}

/** The most SACK blocks in a header of 60 bytes without other options. */
export const MOST_SACK_BLOCKS = 4;
/** Numbers of options (IANA). */
const OPTION = {
  END: 0,
  NO_OPERATION: 1,
  MAXIMUM_SEGMENT_SIZE: 2,
  WINDOW_SCALE: 3,
  SACK_PERMITTED: 4,
  SACK: 5,
  TIMESTAMPS: 8,
} as const;
