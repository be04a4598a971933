/**
 * Writes IP headers.
 *
 * @module
 */
import { checksum } from '@litz/core/internals';
import { writeInt32, writeUint16 } from './bytes.ts';
import { IpAddress } from './ip-address.ts';
import { IPV4_HEADER_LENGTH, IPV6_HEADER_LENGTH } from './protocol.ts';

/** The fields of a header to write. A record that is reused. */
export class IpHeader {
  /** The object of the caller, not a copy. */
  source: IpAddress = new IpAddress();
  /** The object of the caller, not a copy. */
  destination: IpAddress = new IpAddress();
  protocol: number = 0;
  /** TOS or traffic class, 8 bits. */
  trafficClass: number = 0;
  hopLimit: number = DEFAULT_HOP_LIMIT;
  /** IPv4: 16 bits. */
  identification: number = 0;
  /** IPv4: whether routers must not fragment the packet. */
  mayNotFragment: boolean = true;
  /** IPv6: 20 bits (RFC 6437). */
  flowLabel: number = 0;

  /** Sets all fields. Those that are not parameters get their usual values. */
  begin(source: IpAddress, destination: IpAddress, protocol: number, trafficClass: number): void {
    this.source = source;
    this.destination = destination;
    this.protocol = protocol;
    this.trafficClass = trafficClass;
    this.hopLimit = DEFAULT_HOP_LIMIT;
    this.identification = 0;
    this.mayNotFragment = true;
    this.flowLabel = 0;
  }
}

/** Returns the length in bytes of the header that `writeIpHeader` writes. */
export function ipHeaderLength(version: 4 | 6): number {
  return version === 4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH;
}

/**
 * Writes a header of `ipHeaderLength` bytes, without options or extension headers.
 *
 * @param length the length in bytes of the whole packet, at most 65535
 */
export function writeIpHeader(
  header: Readonly<IpHeader>,
  buffer: Uint8Array,
  offset: number,
  length: number,
): void {
  if (header.destination.version === 4) writeIpv4(header, buffer, offset, length);
  else writeIpv6(header, buffer, offset, length);
}

/** Computes the checksum of an IPv4 header of `length` bytes, and writes it into the header. */
export function writeIpv4Checksum(buffer: Uint8Array, offset: number, length: number): void {
  writeUint16(buffer, offset + 10, 0);
  writeUint16(buffer, offset + 10, checksum(buffer, offset, length));
}

/** Writes an IPv4 header without options (RFC 791 3.1). */
function writeIpv4(
  header: Readonly<IpHeader>,
  buffer: Uint8Array,
  offset: number,
  length: number,
): void {
  buffer[offset] = 0x45;
  buffer[offset + 1] = header.trafficClass;
  writeUint16(buffer, offset + 2, length);
  writeUint16(buffer, offset + 4, header.identification);
  writeUint16(buffer, offset + 6, header.mayNotFragment ? 0x4000 : 0);
  buffer[offset + 8] = header.hopLimit;
  buffer[offset + 9] = header.protocol;
  header.source.write(buffer, offset + 12);
  header.destination.write(buffer, offset + 16);
  writeIpv4Checksum(buffer, offset, IPV4_HEADER_LENGTH);
}

/** Writes the fixed IPv6 header (RFC 8200 3). */
function writeIpv6(
  header: Readonly<IpHeader>,
  buffer: Uint8Array,
  offset: number,
  length: number,
): void {
  writeInt32(
    buffer,
    offset,
    (6 << 28) | (header.trafficClass << 20) | (header.flowLabel & 0xfffff),
  );
  writeUint16(buffer, offset + 4, length - IPV6_HEADER_LENGTH);
  buffer[offset + 6] = header.protocol;
  buffer[offset + 7] = header.hopLimit;
  header.source.write(buffer, offset + 8);
  header.destination.write(buffer, offset + 24);
}

/** RFC 1122 3.2.1.7; the value of IANA's "IP Option Numbers: IP Time to Live". */
const DEFAULT_HOP_LIMIT = 64;
