/**
 * `udpPacket`: a UDP packet of IPv4 with right checksums.
 *
 * @module
 */
import { parseAddress } from '@litz/core';

/** Returns a packet of `length` bytes with zeros as its data. */
export function udpPacket(source: string, destination: string, length: number): Uint8Array {
  const packet = new Uint8Array(length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(2, length);
  view.setUint16(6, 0x4000); // do not fragment
  view.setUint8(8, 64);
  view.setUint8(9, UDP);
  packet.set(parseAddress(source), 12);
  packet.set(parseAddress(destination), 16);
  view.setUint16(10, checksum(view, 0, IP_HEADER, 0));
  view.setUint16(20, 9);
  view.setUint16(22, 9);
  view.setUint16(24, length - IP_HEADER);
  // The pseudo-header: both addresses, the protocol and the length.
  const pseudo = sum(view, 12, 20) + UDP + length - IP_HEADER;
  view.setUint16(26, checksum(view, IP_HEADER, length, pseudo) || 0xffff);
  return packet;
}

/** The Internet checksum, RFC 1071. */
function checksum(view: DataView, from: number, to: number, initial: number): number {
  let total = initial + sum(view, from, to);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

function sum(view: DataView, from: number, to: number): number {
  let total = 0;
  for (let at = from; at + 1 < to; at += 2) total += view.getUint16(at);
  return (to - from) % 2 === 1 ? total + (view.getUint8(to - 1) << 8) : total;
}

const UDP = 17;
const IP_HEADER = 20;
