/**
 * The header in front of every packet of a TUN device: struct virtio_net_hdr, linux/virtio_net.h, in
 * the byte order of the host, which is little-endian wherever Litz runs.
 *
 * ```
 * 0 flags (1) | 1 gso_type (1) | 2 hdr_len (2) | 4 gso_size (2) | 6 csum_start (2) | 8 csum_offset (2)
 * ```
 *
 * @module
 */

export const VNET_HEADER_LENGTH = 10;

/** flags: the transport checksum is only its pseudo-header's sum, and yet to be completed. */
export const VNET_FLAG_NEEDS_CHECKSUM = 0x01;

/** gso_type */
export const VNET_GSO_NONE = 0;
export const VNET_GSO_TCPV4 = 1;
export const VNET_GSO_TCPV6 = 4;
export const VNET_GSO_UDP_L4 = 5;

export interface VnetHeader {
  flags: number;
  gsoType: number;
  /** Of IP and transport header; not to be trusted on read. */
  headerLength: number;
  /** Payload bytes per segment. */
  gsoSize: number;
  /** Where the transport header begins, from the beginning of the packet. */
  checksumStart: number;
  /** Of the checksum within the transport header. */
  checksumOffset: number;
}

/** Reads the ten bytes at `offset` into `header`, a record of the caller's that is used again. */
export function decodeVnetHeader(buffer: Uint8Array, offset: number, header: VnetHeader): void {
  header.flags = byteAt(buffer, offset);
  header.gsoType = byteAt(buffer, offset + 1);
  header.headerLength = wordAt(buffer, offset + 2);
  header.gsoSize = wordAt(buffer, offset + 4);
  header.checksumStart = wordAt(buffer, offset + 6);
  header.checksumOffset = wordAt(buffer, offset + 8);
}

/** Writes the ten bytes at `offset`. */
export function encodeVnetHeader(header: VnetHeader, buffer: Uint8Array, offset: number): void {
  buffer[offset] = header.flags;
  buffer[offset + 1] = header.gsoType;
  setWord(buffer, offset + 2, header.headerLength);
  setWord(buffer, offset + 4, header.gsoSize);
  setWord(buffer, offset + 6, header.checksumStart);
  setWord(buffer, offset + 8, header.checksumOffset);
}

/** Ten zero bytes at `offset`, ten in front of a packet: nothing to segment, no checksum to fill in. */
export function clearVnetHeader(buffer: Uint8Array, offset: number): void {
  // Not `fill`: for so few bytes the call costs more.
  for (let i = offset; i < offset + VNET_HEADER_LENGTH; i++) buffer[i] = 0;
}

export function createVnetHeader(): VnetHeader {
  return {
    flags: 0,
    gsoType: VNET_GSO_NONE,
    headerLength: 0,
    gsoSize: 0,
    checksumStart: 0,
    checksumOffset: 0,
  };
}

function byteAt(buffer: Uint8Array, offset: number): number {
  return buffer[offset] ?? 0;
}

function wordAt(buffer: Uint8Array, offset: number): number {
  return byteAt(buffer, offset) | (byteAt(buffer, offset + 1) << 8);
}

function setWord(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value;
  buffer[offset + 1] = value >>> 8;
}
