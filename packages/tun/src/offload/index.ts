/**
 * Splits super-packets and joins packets, without any I/O.
 *
 * @module
 */
export { checksum, foldSum, pseudoHeaderSum, sumBytes } from '@litz/core/internals';
export { createByteOperations, type ByteOperations } from './byte-operations.ts';
export {
  Coalescer,
  type CoalescerOptions,
  type PacketPieces,
  type PacketWriter,
} from './coalescer.ts';
export { type SegmentPlan } from './segments.ts';
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
