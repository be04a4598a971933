/**
 * The UDP header (RFC 768), and the checksums of transport headers.
 *
 * @module
 */
import { foldSum, sumBytes } from '@litz/core/internals';
import { writeUint16 } from './bytes.ts';
import type { IpAddress } from './ip-address.ts';
import type { IpHeader } from './ip-header.ts';
import type { IpPacket } from './ip-packet.ts';
import type { PacketUnderConstruction } from './packet-under-construction.ts';

/** Length of the header in bytes. */
export const UDP_HEADER_LENGTH = 8;

/**
 * Writes the header of a datagram, with its checksum. The payload must be in the buffer already.
 */
export function writeUdpHeader(
  header: Readonly<IpHeader>,
  sourcePort: number,
  destinationPort: number,
  { buffer, transport }: PacketUnderConstruction,
  length: number,
): void {
  writeUint16(buffer, transport, sourcePort);
  writeUint16(buffer, transport + 2, destinationPort);
  writeUint16(buffer, transport + 4, length);
  writeUint16(buffer, transport + 6, 0);
  const sum = ~sumBytes(buffer, transport, length, pseudoSum(header, length)) & 0xffff;
  // RFC 768: zero means that there is no checksum.
  writeUint16(buffer, transport + 6, sum === 0 ? 0xffff : sum);
}

/** Returns the folded sum of the pseudo-header (RFC 9293 3.1, RFC 8200 8.1) of a packet to send. */
export function pseudoSum(
  { source, destination, protocol }: Readonly<IpHeader>,
  length: number,
): number {
  return foldSum(addressSum(source) + addressSum(destination) + protocol + length);
}

/** Whether the checksum of the transport header of a received packet is right. */
export function hasRightChecksum(packet: IpPacket, protocol: number): boolean {
  const { buffer, transport, transportLength, source, destination } = packet;
  const pseudo = foldSum(addressSum(source) + addressSum(destination) + protocol + transportLength);
  return sumBytes(buffer, transport, transportLength, pseudo) === 0xffff;
}

/** Returns the sum of the 16-bit halves of the words of an address. */
function addressSum({ word0, word1, word2, word3 }: IpAddress): number {
  return (
    (word0 >>> 16) +
    (word0 & 0xffff) +
    (word1 >>> 16) +
    (word1 & 0xffff) +
    (word2 >>> 16) +
    (word2 & 0xffff) +
    (word3 >>> 16) +
    (word3 & 0xffff)
  );
}
