/**
 * Packets of a warm-up, in the form in which the kernel passes them to a TUN.
 *
 * @module
 */
import {
  checksum,
  createVnetHeader,
  encodeVnetHeader,
  pseudoHeaderSum,
  VNET_FLAG_NEEDS_CHECKSUM,
  VNET_GSO_TCPV4,
  VNET_HEADER_LENGTH,
} from '@litz/tun/offload';

export interface WarmUpPacket {
  /** The vnet header and the headers of the packet. */
  readonly headers: Uint8Array;
  /** Bytes of payload after the headers; their values do not matter. */
  readonly payloadLength: number;
}

/** Addresses of TEST-NET-1 (RFC 5737): one of the first end, one of the second. */
export const ADDRESSES: readonly [Uint8Array, Uint8Array] = [
  Uint8Array.of(192, 0, 2, 1),
  Uint8Array.of(192, 0, 2, 2),
];

/** Index of the end that sends the packet. */
export type From = 0 | 1;

/**
 * Returns a packet without ports and checksum, like a ping. Its protocol number 253 is for
 * experiments (RFC 3692).
 */
export function plainPacket(from: From, payloadLength: number): WarmUpPacket {
  const headers = new Uint8Array(TRANSPORT);
  writeIpHeader(headers, from, EXPERIMENT, payloadLength);
  return { headers, payloadLength };
}

/** Returns a UDP datagram in one packet. */
export function udpPacket(from: From, payloadLength: number): WarmUpPacket {
  const headers = new Uint8Array(TRANSPORT + UDP_HEADER_LENGTH);
  headers.set(PORTS, TRANSPORT);
  setWord(headers, TRANSPORT + 4, UDP_HEADER_LENGTH + payloadLength);
  finish(headers, from, UDP, payloadLength);
  return { headers, payloadLength };
}

/**
 * Returns a TCP segment with time stamps. Without payload it is an acknowledgement. With more
 * payload than `segmentLength` bytes it is a super-packet.
 */
export function tcpPacket(
  from: From,
  sequence: number,
  payloadLength: number,
  segmentLength: number,
): WarmUpPacket {
  const headers = new Uint8Array(TRANSPORT + TCP_HEADER_LENGTH);
  headers.set(PORTS, TRANSPORT);
  setWord(headers, TRANSPORT + 4, sequence >>> 16);
  setWord(headers, TRANSPORT + 6, sequence);
  headers.set([(TCP_HEADER_LENGTH / 4) << 4, ACK, 0x01, 0xf6], TRANSPORT + 12);
  headers.set([NO_OPERATION, NO_OPERATION, TIME_STAMPS, 10], TRANSPORT + 20);
  const gsoSize = payloadLength > segmentLength ? segmentLength : 0;
  finish(headers, from, TCP, payloadLength, gsoSize);
  return { headers, payloadLength };
}

/**
 * Writes the headers of a packet whose checksum is not complete: the checksum field holds the sum
 * of the pseudo-header.
 */
function finish(
  headers: Uint8Array,
  from: From,
  protocol: number,
  payloadLength: number,
  gsoSize = 0,
): void {
  writeIpHeader(headers, from, protocol, payloadLength);
  const checksumOffset = protocol === TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
  const length = headers.length - TRANSPORT + payloadLength;
  setWord(headers, TRANSPORT + checksumOffset, pseudoHeaderSum(headers, IP, protocol, length));
  const vnet = createVnetHeader();
  vnet.flags = VNET_FLAG_NEEDS_CHECKSUM;
  vnet.checksumStart = TRANSPORT - IP;
  vnet.checksumOffset = checksumOffset;
  if (gsoSize > 0) {
    vnet.gsoType = VNET_GSO_TCPV4;
    vnet.headerLength = headers.length - IP;
    vnet.gsoSize = gsoSize;
  }
  encodeVnetHeader(vnet, headers, 0);
}

function writeIpHeader(
  headers: Uint8Array,
  from: From,
  protocol: number,
  payloadLength: number,
): void {
  headers[IP] = 0x45;
  setWord(headers, IP + 2, headers.length - IP + payloadLength);
  headers.set([DONT_FRAGMENT, 0, 64, protocol], IP + 6);
  headers.set(ADDRESSES[from], IP + 12);
  headers.set(ADDRESSES[from === 0 ? 1 : 0], IP + 16);
  setWord(headers, IP + 10, checksum(headers, IP, TRANSPORT - IP));
}

function setWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 8;
  bytes[at + 1] = word;
}

/** Offset of the IP header. */
const IP = VNET_HEADER_LENGTH;
const TRANSPORT: number = IP + 20;

const UDP_HEADER_LENGTH = 8;
const TCP_HEADER_LENGTH = 32;
const UDP_CHECKSUM = 6;
const TCP_CHECKSUM = 16;
/** Length in bytes of the IPv4 header and the TCP header with time stamps. */
export const TCP_HEADERS_LENGTH: number = TRANSPORT - IP + TCP_HEADER_LENGTH;

const TCP = 6;
const UDP = 17;
const EXPERIMENT = 253;
const DONT_FRAGMENT = 0x40;
const PORTS = [0x13, 0x89, 0x13, 0x8a];
const ACK = 0x10;
const NO_OPERATION = 1;
const TIME_STAMPS = 8;
