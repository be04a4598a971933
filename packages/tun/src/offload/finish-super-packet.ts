/**
 * `finishSuperPacket`: writes the headers of a super-packet for the kernel.
 *
 * @module
 */
import { checksum, pseudoHeaderSum, viewOf } from '@litz/core/internals';
import type { CoalescedItem } from './coalesced-item.ts';
import { TCP, TCP_CHECKSUM, TCP_FLAGS, TCP_PSH, UDP, UDP_CHECKSUM } from './transport-header.ts';
import { SegmentKind } from './transport-segment.ts';
import {
  createVnetHeader,
  encodeVnetHeader,
  VNET_FLAG_NEEDS_CHECKSUM,
  VNET_GSO_TCPV4,
  VNET_GSO_TCPV6,
  VNET_GSO_UDP_L4,
  VNET_HEADER_LENGTH,
  type VnetHeader,
} from './vnet-header.ts';

/**
 * Changes the first packet's headers to those of the super-packet, which has `length` bytes from
 * the IP header at `ip` on. Writes the vnet header in front of the IP header.
 */
export function finishSuperPacket(
  item: CoalescedItem,
  buffer: Uint8Array,
  ip: number,
  length: number,
): void {
  const { ipHeaderLength } = item;
  const view = viewOf(buffer);
  if (ipHeaderLength === 20) {
    view.setUint16(ip + 2, length);
    view.setUint16(ip + 10, 0);
    view.setUint16(ip + 10, checksum(buffer, ip, ipHeaderLength));
  } else {
    view.setUint16(ip + 4, length - ipHeaderLength);
  }
  const isTcp = item.kind === SegmentKind.tcp;
  const transport = ip + ipHeaderLength;
  const transportLength = length - ipHeaderLength;
  if (!isTcp) view.setUint16(transport + 4, transportLength);
  // When the kernel splits the super-packet, it clears PSH in all segments except the last.
  else if (item.push) buffer[transport + TCP_FLAGS] |= TCP_PSH;
  const checksumOffset = isTcp ? TCP_CHECKSUM : UDP_CHECKSUM;
  // The sum is folded, but not complemented. The kernel completes the checksum, for each segment or
  // for the whole packet.
  const pseudo = pseudoHeaderSum(buffer, ip, isTcp ? TCP : UDP, transportLength);
  view.setUint16(transport + checksumOffset, pseudo);
  vnet.flags = VNET_FLAG_NEEDS_CHECKSUM;
  vnet.gsoType = isTcp ? tcpType(ipHeaderLength) : VNET_GSO_UDP_L4;
  vnet.headerLength = item.headerLength;
  vnet.gsoSize = item.gsoSize;
  vnet.checksumStart = ipHeaderLength;
  vnet.checksumOffset = checksumOffset;
  encodeVnetHeader(vnet, buffer, ip - VNET_HEADER_LENGTH);
}

function tcpType(ipHeaderLength: number): number {
  return ipHeaderLength === 20 ? VNET_GSO_TCPV4 : VNET_GSO_TCPV6;
}

/** Reused for every super-packet. */
const vnet: VnetHeader = createVnetHeader();
