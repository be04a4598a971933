/**
 * The header in front of every packet of a TUN device: struct virtio_net_hdr in linux/virtio_net.h.
 * It has the byte order of the host, which is little-endian wherever Litz runs.
 *
 * ```
 * offset  0      1         2        4         6           8            10
 *         flags  gso_type  hdr_len  gso_size  csum_start  csum_offset
 * ```
 *
 * @module
 */

/** Length of a vnet header in bytes. Every packet of a TUN device has one in front. */
export const VNET_HEADER_LENGTH = 10;

/**
 * A value of flags: the transport checksum is only the sum of the pseudo-header and must be
 * completed.
 */
export const VNET_FLAG_NEEDS_CHECKSUM = 0x01;

/** gso_type of a single packet. */
export const VNET_GSO_NONE = 0;
/** gso_type of a TCP super-packet over IPv4. */
export const VNET_GSO_TCPV4 = 1;
/** gso_type of a TCP super-packet over IPv6. */
export const VNET_GSO_TCPV6 = 4;
/** gso_type of a UDP super-packet, over IPv4 or IPv6 (Linux 6.2). */
export const VNET_GSO_UDP_L4 = 5;

/** The fields of a vnet header. The caller reuses the object. */
export interface VnetHeader {
  /** 0, or `VNET_FLAG_NEEDS_CHECKSUM`. */
  flags: number;
  /** One of the `VNET_GSO_` values. */
  gsoType: number;
  /** Length in bytes of IP and transport header. Not trusted when read. */
  headerLength: number;
  /** Bytes of payload per segment. */
  gsoSize: number;
  /** Offset of the transport header from the beginning of the packet. */
  checksumStart: number;
  /** Offset of the checksum in the transport header. */
  checksumOffset: number;
}

/**
 * Reads the ten bytes at `offset` into `header`, an object that the caller reuses. Bytes beyond the
 * buffer count as 0.
 */
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

/**
 * Writes ten zero bytes at `offset`, in front of a packet: no segmentation, and no checksum to
 * complete.
 */
export function clearVnetHeader(buffer: Uint8Array, offset: number): void {
  // A loop instead of `fill`, whose call costs more for so few bytes.
  for (let i = offset; i < offset + VNET_HEADER_LENGTH; i++) buffer[i] = 0;
}

/**
 * Returns a header with zeros, for the caller to reuse: no segmentation, no checksum to complete.
 */
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
