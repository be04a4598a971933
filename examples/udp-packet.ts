/**
 * Makes IPv4 packets with a UDP datagram that contains a text, as an application would send it. A
 * real interface gets its packets from the kernel. The examples without an interface make their own
 * packets.
 *
 * ```
 * IPv4 header (20 bytes) | UDP header (8 bytes) | text
 * ```
 *
 * @module
 */
import { parseAddress } from '@litz/config';

/**
 * Makes a packet between two addresses such as '10.0.0.1'. Both ports are 7, the port of the echo
 * service; the examples do not use the ports.
 */
export function udpPacket(source: string, destination: string, text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const packet = new Uint8Array(HEADERS_LENGTH + payload.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45; // version 4, header of 5 words
  view.setUint16(2, packet.length);
  packet[8] = 64; // time to live
  packet[9] = 17; // UDP
  packet.set(parseAddress(source), 12);
  packet.set(parseAddress(destination), 16);
  view.setUint16(10, headerChecksum(view));
  view.setUint16(20, 7);
  view.setUint16(22, 7);
  view.setUint16(24, 8 + payload.length);
  packet.set(payload, HEADERS_LENGTH);
  return packet;
}

export function textOf(packet: Uint8Array): string {
  return new TextDecoder().decode(packet.subarray(HEADERS_LENGTH));
}

/** Computes the checksum of RFC 1071 over the IPv4 header, whose checksum field is still zero. */
function headerChecksum(view: DataView): number {
  let sum = 0;
  for (let offset = 0; offset < 20; offset += 2) sum += view.getUint16(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const HEADERS_LENGTH = 28;
