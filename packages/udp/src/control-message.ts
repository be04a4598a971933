/**
 * Control messages (cmsg) of received and sent datagrams: local address and interface, TOS, segment
 * size. Pure functions on memory, which allocate nothing.
 *
 * Here a message is a struct msghdr of recvmmsg or sendmmsg. It has one datagram, several from one
 * source that the kernel has coalesced (GRO), or several to one destination that the kernel will
 * segment (GSO).
 *
 * @module
 */
import {
  CMSGHDR_LENGTH,
  controlSpace,
  IP_PKTINFO,
  IP_TOS,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  SO_RXQ_OVFL,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
  type Family,
} from './linux-abi.ts';

/** The control data of a received message. One object is reused for all messages. */
export class ReceivedControl {
  /** Offset of the local address in the view; -1 if the kernel did not report it. */
  sourceOffset = -1;
  /** The interface that the datagram arrived on; 0 if the kernel did not report it. */
  sourceInterface = 0;
  /** The byte TOS or traffic class: DSCP and ECN. */
  trafficClass = 0;
  /**
   * Length of each coalesced datagram (UDP GRO), of which the last may be shorter; -1 if the
   * message is a single datagram.
   */
  segmentLength = -1;
  /** The socket's counter of dropped datagrams; -1 if it dropped none. */
  overflow = -1;
}

/**
 * Reads `length` bytes of control messages at `offset` into `out`. Unknown control messages are
 * skipped.
 *
 * @returns false if a length is invalid; `out` is then incomplete
 */
export function parseControl(
  view: DataView,
  offset: number,
  length: number,
  family: Family,
  out: ReceivedControl,
): boolean {
  out.sourceOffset = -1;
  out.sourceInterface = 0;
  out.trafficClass = 0;
  out.segmentLength = -1;
  out.overflow = -1;
  const end = offset + length;
  if (length < 0 || end > view.byteLength) return false;
  let position = offset;
  while (end - position >= CMSGHDR_LENGTH) {
    const messageLength = view.getUint32(position, true);
    if (view.getUint32(position + 4, true) !== 0) return false;
    if (messageLength < CMSGHDR_LENGTH || messageLength > end - position) return false;
    readOne(view, position, messageLength - CMSGHDR_LENGTH, family, out);
    position += (messageLength + 7) & ~7;
  }
  return true;
}

/**
 * Writes PKTINFO: the datagram leaves from the address `source` and through `interfaceIndex`.
 *
 * @param source 4 or 16 bytes, copied; undefined lets the kernel choose the address
 * @param interfaceIndex 0 lets the kernel choose the interface
 * @returns the offset after the control message
 */
export function writePacketInfo(
  view: DataView,
  offset: number,
  family: Family,
  source: Uint8Array | undefined,
  interfaceIndex: number,
): number {
  const four = family === 4;
  const dataLength = four ? 12 : 20;
  const data = offset + CMSGHDR_LENGTH;
  writeHeader(view, offset, dataLength, four ? SOL_IP : SOL_IPV6, four ? IP_PKTINFO : IPV6_PKTINFO);
  for (let i = 0; i < dataLength; i += 4) view.setUint32(data + i, 0, true);
  view.setUint32(data + (four ? 0 : 16), interfaceIndex, true);
  const address = four ? data + 4 : data;
  if (source) for (let i = 0; i < (four ? 4 : 16); i++) view.setUint8(address + i, source[i]!);
  return offset + controlSpace(dataLength);
}

/**
 * Writes the byte TOS or traffic class of one message. Returns the offset after the control
 * message.
 */
export function writeTrafficClass(
  view: DataView,
  offset: number,
  family: Family,
  trafficClass: number,
): number {
  const four = family === 4;
  writeHeader(view, offset, 4, four ? SOL_IP : SOL_IPV6, four ? IP_TOS : IPV6_TCLASS);
  view.setInt32(offset + CMSGHDR_LENGTH, trafficClass, true);
  return offset + controlSpace(4);
}

/**
 * Writes UDP_SEGMENT: the kernel splits the message into datagrams of `segmentLength` bytes.
 * Returns the offset after the control message.
 */
export function writeSegmentLength(view: DataView, offset: number, segmentLength: number): number {
  writeHeader(view, offset, 2, SOL_UDP, UDP_SEGMENT);
  view.setUint16(offset + CMSGHDR_LENGTH, segmentLength, true);
  return offset + controlSpace(2);
}

function readOne(
  view: DataView,
  position: number,
  dataLength: number,
  family: Family,
  out: ReceivedControl,
): void {
  const level = view.getInt32(position + 8, true);
  const type = view.getInt32(position + 12, true);
  const data = position + CMSGHDR_LENGTH;
  if (level === SOL_IP && family === 4) {
    if (type === IP_PKTINFO && dataLength >= 12) {
      out.sourceInterface = view.getUint32(data, true);
      // The local address. An answer leaves from it, also if the datagram was a broadcast.
      out.sourceOffset = data + 4;
    } else if (type === IP_TOS && dataLength >= 1) out.trafficClass = view.getUint8(data);
  } else if (level === SOL_IPV6 && family === 6) {
    if (type === IPV6_PKTINFO && dataLength >= 20) {
      out.sourceOffset = data;
      out.sourceInterface = view.getUint32(data + 16, true);
    } else if (type === IPV6_TCLASS && dataLength >= 4) {
      out.trafficClass = view.getInt32(data, true) & 0xff;
    }
  } else if (level === SOL_UDP && type === UDP_GRO) {
    // The kernel writes an int. Documentation that says u16 describes UDP_SEGMENT.
    if (dataLength >= 4) out.segmentLength = view.getInt32(data, true);
    else if (dataLength >= 2) out.segmentLength = view.getUint16(data, true);
  } else if (level === SOL_SOCKET && type === SO_RXQ_OVFL && dataLength >= 4) {
    out.overflow = view.getUint32(data, true);
  }
}

function writeHeader(
  view: DataView,
  offset: number,
  dataLength: number,
  level: number,
  type: number,
): void {
  view.setUint32(offset, CMSGHDR_LENGTH + dataLength, true);
  view.setUint32(offset + 4, 0, true);
  view.setInt32(offset + 8, level, true);
  view.setInt32(offset + 12, type, true);
}

/** Bytes for the control messages of one received message; more than the kernel can write. */
export const RECEIVE_CONTROL_LENGTH = 192;
/** Bytes for the control messages of one sent message: PKTINFO, traffic class, segment size. */
export const SEND_CONTROL_LENGTH = 96;
