/**
 * Taking super-packets apart and putting packets together, without any I/O.
 *
 * @module
 */
export { checksum, foldSum, pseudoHeaderSum, sumBytes } from './checksum.ts';
export {
  Coalescer,
  COALESCER_OUTPUT_LENGTH,
  type CoalescerOptions,
  type PacketWriter,
} from './coalescer.ts';
export {
  SplitFailure,
  splitSuperPacket,
  SuperPacketSplitter,
  type SegmentSlab,
} from './super-packet.ts';
export {
  clearVnetHeader,
  createVnetHeader,
  decodeVnetHeader,
  encodeVnetHeader,
  VNET_FLAG_NEEDS_CHECKSUM,
  VNET_GSO_NONE,
  VNET_GSO_TCPV4,
  VNET_GSO_TCPV6,
  VNET_GSO_UDP_L4,
  VNET_HEADER_LENGTH,
  type VnetHeader,
} from './vnet-header.ts';
