/**
 * `PacketOffload`: what a device must still do with a packet of the stack: split it into segments,
 * and complete its checksum.
 *
 * The fields are those of a vnet header (struct virtio_net_hdr; see `@litz/tun/offload`), so a TUN
 * device can take a super-packet of a stack.
 *
 * @module
 */

/** What a device must still do with a packet. A record that is reused. */
export interface PacketOffload {
  /** 1: the transport checksum has only the sum of the pseudo-header. 0: it is complete. */
  flags: number;
  /** 0: one packet. 1: TCP over IPv4. 4: TCP over IPv6. */
  gsoType: number;
  /** Length in bytes of IP and TCP header. */
  headerLength: number;
  /** Bytes of data of each segment but the last. */
  gsoSize: number;
  /** Where the transport header begins in the packet. */
  checksumStart: number;
  /** Where the checksum is in the transport header. */
  checksumOffset: number;
}

/** Values of `flags` and `gsoType`. */
export const OFFLOAD = {
  NEEDS_CHECKSUM: 1,
  NONE: 0,
  TCPV4: 1,
  TCPV6: 4,
} as const;

/** Returns a record for a whole packet, to be reused. */
export function createPacketOffload(): PacketOffload {
  return {
    flags: 0,
    gsoType: 0,
    headerLength: 0,
    gsoSize: 0,
    checksumStart: 0,
    checksumOffset: 0,
  };
}

/** Sets the fields to those of a complete packet. */
export function clearOffload(offload: PacketOffload): void {
  offload.flags = 0;
  offload.gsoType = 0;
  offload.headerLength = 0;
  offload.gsoSize = 0;
  offload.checksumStart = 0;
  offload.checksumOffset = 0;
}
