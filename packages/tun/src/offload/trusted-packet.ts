/**
 * `finishTrustedPacket`: prepares a single packet so that the kernel trusts its TCP or UDP
 * checksum, as it does for a super-packet.
 *
 * A TUN cannot mark a packet as "verified": drivers/net/tun.c ignores VIRTIO_NET_HDR_F_DATA_VALID.
 * So the packet is marked as "checksum not computed yet", like every packet from the same machine:
 * the checksum field contains the sum of the pseudo-header, and the checksum is completed when the
 * packet is sent to another machine.
 *
 * @module
 */
import { pseudoHeaderSum, viewOf } from '@litz/core/internals';
import { TCP, TCP_CHECKSUM, UDP, UDP_CHECKSUM } from './transport-header.ts';
import {
  clearVnetHeader,
  createVnetHeader,
  encodeVnetHeader,
  VNET_FLAG_NEEDS_CHECKSUM,
  VNET_HEADER_LENGTH,
  type VnetHeader,
} from './vnet-header.ts';

/**
 * Writes the vnet header in front of the IP packet of `length` bytes at `ip`, and the sum of the
 * pseudo-header into the checksum field of the packet. Some packets are not changed and get an
 * empty vnet header: fragments, packets with IPv6 extension headers, datagrams without a checksum,
 * and packets that are not whole TCP or UDP packets.
 */
export function finishTrustedPacket(buffer: Uint8Array, ip: number, length: number): void {
  const at = ip - VNET_HEADER_LENGTH;
  const transport = transportOffset(buffer, ip, length);
  const checksumOffset = transport === 0 ? 0 : checksumOffsetOf(buffer, ip, transport, length);
  if (checksumOffset === 0) return clearVnetHeader(buffer, at);
  const protocol = checksumOffset === TCP_CHECKSUM ? TCP : UDP;
  // The sum is folded, but not complemented. The kernel completes the checksum.
  const pseudo = pseudoHeaderSum(buffer, ip, protocol, length - transport);
  viewOf(buffer).setUint16(ip + transport + checksumOffset, pseudo);
  vnet.headerLength = transport + checksumOffset + 2;
  vnet.checksumStart = transport;
  vnet.checksumOffset = checksumOffset;
  encodeVnetHeader(vnet, buffer, at);
}

/**
 * Returns the length of the IP header in bytes, for IPv6 always 40; 0 for a fragment, a packet that
 * is too short, or another IP version.
 */
function transportOffset(buffer: Uint8Array, ip: number, length: number): number {
  const version = buffer[ip] >>> 4;
  if (version === 6) return length >= 40 ? 40 : 0;
  if (version !== 4 || length < 20) return 0;
  const isFragment = (buffer[ip + 6] & FRAGMENT_BITS) !== 0 || buffer[ip + 7] !== 0;
  const headerLength = (buffer[ip] & 0x0f) * 4;
  return isFragment || headerLength < 20 ? 0 : headerLength;
}

/**
 * Returns the offset of the checksum in the transport header; 0 if there is no whole header with a
 * checksum.
 */
function checksumOffsetOf(
  buffer: Uint8Array,
  ip: number,
  transport: number,
  length: number,
): number {
  const protocol = transport === 40 && buffer[ip] >>> 4 === 6 ? buffer[ip + 6] : buffer[ip + 9];
  const rest = length - transport;
  const at = ip + transport;
  if (protocol === TCP) return rest >= SHORTEST_TCP ? TCP_CHECKSUM : 0;
  if (protocol !== UDP || rest < SHORTEST_UDP) return 0;
  const stated = (buffer[at + 4] << 8) | buffer[at + 5];
  const hasChecksum = (buffer[at + UDP_CHECKSUM] | buffer[at + UDP_CHECKSUM + 1]) !== 0;
  return stated === rest && hasChecksum ? UDP_CHECKSUM : 0;
}

/** Reused for every packet. */
const vnet: VnetHeader = { ...createVnetHeader(), flags: VNET_FLAG_NEEDS_CHECKSUM };
/** The flag "more fragments", and the upper bits of the fragment offset. */
const FRAGMENT_BITS = 0x3f;
const SHORTEST_TCP = 20;
const SHORTEST_UDP = 8;
