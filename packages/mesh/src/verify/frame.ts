/**
 * Functions that read captured frames for `verify`. They are pure, borrow the frame for the call,
 * and do not throw, whatever bytes the frame has.
 *
 * @module
 */
import { formatAddress } from '@litz/core';
import { TRANSPORT_OVERHEAD } from '@litz/core/internals';

/** The addresses of a packet, as text. */
export interface Flow {
  readonly source: string;
  readonly destination: string;
}

/**
 * Returns the peer's address and port in a UDP datagram that carries an encrypted packet, as
 * `192.0.2.2:51871`; undefined for every other frame. A keepalive of WireGuard is a message of the
 * same type, but carries no packet.
 *
 * @param options `port`: the port that the datagram must have as its source or destination;
 *   `isOutgoing`: whether this node sent the frame
 */
export function readSealedEndpoint(
  frame: Uint8Array,
  { port, isOutgoing }: { readonly port: number; readonly isOutgoing: boolean },
): string | undefined {
  const start = packetStart(frame);
  const header = start === undefined ? undefined : readHeader(frame, start);
  if (header?.protocol !== UDP) return undefined;
  const { payload, sourceBytes, destinationBytes } = header;
  if (payload + UDP_HEADER_LENGTH + 4 > frame.length) return undefined;
  const message = payload + UDP_HEADER_LENGTH;
  if (u16(frame, message) !== TRANSPORT_DATA || u16(frame, message + 2) !== 0) return undefined;
  if (u16(frame, payload + 4) <= UDP_HEADER_LENGTH + TRANSPORT_OVERHEAD) return undefined;
  const [from, to] = [u16(frame, payload), u16(frame, payload + 2)];
  if (from !== port && to !== port) return undefined;
  const address = formatAddress(isOutgoing ? destinationBytes : sourceBytes);
  return `${address.includes(':') ? `[${address}]` : address}:${isOutgoing ? to : from}`;
}

/**
 * Returns the addresses of the packet that contains a mark of `ProbeMarks`, and whether that packet
 * is inside another packet; undefined if there is no IP header before the mark.
 *
 * @param offset where the mark begins: behind an ICMP or UDP header, or behind the IP header of a
 *   TCP segment
 */
export function readMarked(
  frame: Uint8Array,
  offset: number,
): { readonly flow: Flow; readonly isInner: boolean } | undefined {
  for (const [length, behind] of HEADERS) {
    const start = offset - behind - length;
    if (start < 0) continue;
    const header = readHeader(frame, start);
    if (header?.payload !== start + length || !PROTOCOLS[behind]?.includes(header.protocol))
      continue;
    const source = formatAddress(header.sourceBytes);
    const destination = formatAddress(header.destinationBytes);
    return { flow: { source, destination }, isInner: start !== packetStart(frame) };
  }
  return undefined;
}

interface Header {
  readonly protocol: number;
  readonly sourceBytes: Uint8Array;
  readonly destinationBytes: Uint8Array;
  /** Offset of the end of the header. */
  readonly payload: number;
}

/** Reads a header of IPv4, or of IPv6 without extension headers. */
function readHeader(frame: Uint8Array, start: number): Header | undefined {
  const first = frame[start] ?? 0;
  if (first >> 4 === 4) {
    const length = (first & 0x0f) * 4;
    if (length < 20 || start + length > frame.length) return undefined;
    return {
      protocol: frame[start + 9] ?? 0,
      sourceBytes: frame.slice(start + 12, start + 16),
      destinationBytes: frame.slice(start + 16, start + 20),
      payload: start + length,
    };
  }
  if (first >> 4 !== 6 || start + 40 > frame.length) return undefined;
  return {
    protocol: frame[start + 6] ?? 0,
    sourceBytes: frame.slice(start + 8, start + 24),
    destinationBytes: frame.slice(start + 24, start + 40),
    payload: start + 40,
  };
}

/**
 * Returns the offset of the IP packet: behind an Ethernet header and its VLAN tags, or 0 in a frame
 * without an Ethernet header.
 */
function packetStart(frame: Uint8Array): number | undefined {
  let type = 12;
  while (VLAN_TYPES.includes(u16(frame, type))) type += 4;
  if (IP_TYPES.includes(u16(frame, type))) return type + 2;
  const version = (frame[0] ?? 0) >> 4;
  return version === 4 || version === 6 ? 0 : undefined;
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

const UDP = 17;
const UDP_HEADER_LENGTH = 8;
const IP_TYPES: readonly number[] = [0x0800, 0x86dd];
const VLAN_TYPES: readonly number[] = [0x8100, 0x88a8];
/**
 * The first two bytes of a transport data message: the type 4 and a zero. Two more zeros follow.
 */
const TRANSPORT_DATA = 0x0400;
/**
 * Lengths in bytes of an IP header, and of the ICMP or UDP header between the IP header and the
 * mark.
 */
const HEADERS = [
  [20, 8],
  [40, 8],
  [20, 0],
  [40, 0],
] as const;
/**
 * Protocol numbers by the length of the header before the mark: ICMP, UDP and ICMPv6 with 8 bytes;
 * TCP with 0.
 */
const PROTOCOLS: Readonly<Record<number, readonly number[]>> = { 8: [1, 17, 58], 0: [6] };
