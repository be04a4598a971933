/**
 * Writes the IP and UDP headers of a datagram for a capture. The kernel makes and removes the real
 * headers, so Litz does not see them and writes new ones. Addresses, ports and lengths are as on
 * the wire, and so is the TOS of a datagram that was sent. Of the TOS of a received datagram, only
 * the ECN bits are known. TTL, identification and flow label are not known, so they are always 64,
 * 0 and 0.
 *
 * @module
 */
import { checksum, pseudoHeaderSum } from '@litz/core/internals';

/** A datagram of WireGuard. The object can be reused for the next one. */
export interface OuterDatagram {
  /** The message: `length` bytes of `buffer` at `offset`. */
  buffer: Uint8Array;
  offset: number;
  length: number;
  /** Two addresses of one family, with 4 or 16 bytes each. */
  source: Uint8Array;
  destination: Uint8Array;
  sourcePort: number;
  destinationPort: number;
  /** TOS or traffic class. */
  tos: number;
}

/** Returns the length of the headers in bytes. */
export function outerHeaderLength({ source }: OuterDatagram): number {
  return source.length === 4 ? IPV4_LENGTH + UDP_LENGTH : IPV6_LENGTH + UDP_LENGTH;
}

/** Writes both headers at `at`. `bytes` and `view` are the same memory. */
export function writeOuterHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  datagram: OuterDatagram,
): void {
  const { source, destination, length, tos } = datagram;
  const isIPv4 = source.length === 4;
  const udp = at + (isIPv4 ? IPV4_LENGTH : IPV6_LENGTH);
  bytes.fill(0, at, udp + UDP_LENGTH);
  if (isIPv4) {
    bytes[at] = 0x45;
    bytes[at + 1] = tos;
    view.setUint16(at + 2, IPV4_LENGTH + UDP_LENGTH + length);
    bytes[at + 8] = TTL;
    bytes[at + 9] = UDP;
    bytes.set(source, at + 12);
    bytes.set(destination, at + 16);
    view.setUint16(at + 10, checksum(bytes, at, IPV4_LENGTH));
  } else {
    view.setUint32(at, 0x6000_0000 + tos * 2 ** 20);
    view.setUint16(at + 4, UDP_LENGTH + length);
    bytes[at + 6] = UDP;
    bytes[at + 7] = TTL;
    bytes.set(source, at + 8);
    bytes.set(destination, at + 24);
  }
  view.setUint16(udp, datagram.sourcePort);
  view.setUint16(udp + 2, datagram.destinationPort);
  view.setUint16(udp + 4, UDP_LENGTH + length);
  // UDP over IPv4 may leave the checksum out. UDP over IPv6 must have one (RFC 8200 section 8.1).
  if (!isIPv4) view.setUint16(udp + 6, udpChecksum(bytes, at, udp, datagram));
}

function udpChecksum(
  bytes: Uint8Array,
  ip: number,
  udp: number,
  { buffer, offset, length }: OuterDatagram,
): number {
  const pseudo = pseudoHeaderSum(bytes, ip, UDP, UDP_LENGTH + length);
  const header = ~checksum(bytes, udp, UDP_LENGTH, pseudo) & 0xffff;
  const sum = checksum(buffer, offset, length, header);
  return sum === 0 ? 0xffff : sum;
}

const IPV4_LENGTH = 20;
const IPV6_LENGTH = 40;
const UDP_LENGTH = 8;
/** The protocol number. */
const UDP = 17;
/** The default TTL of Linux. */
const TTL = 64;
