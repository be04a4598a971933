/**
 * `udpPacket`: makes an IPv4 packet that contains a UDP datagram, with right checksums.
 *
 * @module
 */
import { parseAddress } from '@litz/core';
import { checksum, pseudoHeaderSum } from '@litz/core/internals';

/** Returns a packet of `length` bytes with zeros as its data. */
export function udpPacket(source: string, destination: string, length: number): Uint8Array {
  const packet = new Uint8Array(length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(2, length);
  view.setUint16(6, DO_NOT_FRAGMENT);
  view.setUint8(8, 64);
  view.setUint8(9, UDP);
  packet.set(parseAddress(source), 12);
  packet.set(parseAddress(destination), 16);
  view.setUint16(10, checksum(packet, 0, IP_HEADER));
  view.setUint16(20, PORT);
  view.setUint16(22, PORT);
  view.setUint16(24, length - IP_HEADER);
  const pseudo = pseudoHeaderSum(packet, 0, UDP, length - IP_HEADER);
  view.setUint16(26, checksum(packet, IP_HEADER, length - IP_HEADER, pseudo) || 0xffff);
  return packet;
}

const DO_NOT_FRAGMENT = 0x4000;
const UDP = 17;
const IP_HEADER = 20;
/** The port of the discard protocol. */
const PORT = 9;
