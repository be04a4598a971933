/**
 * Test data for offloads: TCP and UDP packets, built field by field with the plain checksum
 * function of the testkit, and super-packets in the form in which the kernel passes them.
 *
 * @module
 */
import { slowChecksum, slowSum } from '@litz/testkit';
import { VNET_HEADER_LENGTH } from '../../src/offload/index.ts';

export interface PacketShape {
  version: 4 | 6;
  protocol: 'tcp' | 'udp';
  payload: Uint8Array;
  /** Low bytes of source and destination address, and the ports. */
  source?: number;
  destination?: number;
  sourcePort?: number;
  destinationPort?: number;
  sequence?: number;
  acknowledgement?: number;
  /** Default ACK. */
  flags?: number;
  window?: number;
  /** TCP; a multiple of four bytes. */
  options?: Uint8Array;
  /** IPv4. */
  identification?: number;
  /** IPv4. Default true. */
  mayNotFragment?: boolean;
  /** TOS or traffic class. */
  trafficClass?: number;
  hopLimit?: number;
  /** IPv6. */
  flowLabel?: number;
  /** UDP: whether the checksum field is 0. */
  withoutChecksum?: boolean;
}

export const ACK = 0x10;
export const PSH = 0x08;
export const FIN = 0x01;

/** Returns a whole packet with right checksums. */
export function packetOf(shape: PacketShape): Uint8Array {
  const packet = withHeaders(shape);
  const transport = packet.subarray(transportOffset(shape));
  const sum = slowChecksum(Uint8Array.from([...pseudoHeader(shape, packet), ...transport]));
  const zeroless = shape.protocol === 'udp' && sum === 0 ? 0xffff : sum;
  write16(transport, checksumOffset(shape), shape.withoutChecksum ? 0 : zeroless);
  return packet;
}

/**
 * Returns a super-packet with its vnet header in front. The checksum field has the sum of the
 * pseudo-header.
 */
export function superPacketOf(shape: PacketShape, gsoSize: number): Uint8Array {
  const packet = withHeaders(shape);
  const start = transportOffset(shape);
  write16(packet, start + checksumOffset(shape), slowSum(pseudoHeader(shape, packet)));
  const vnet = new DataView(new ArrayBuffer(VNET_HEADER_LENGTH));
  vnet.setUint8(0, 1);
  vnet.setUint8(1, shape.protocol === 'udp' ? 5 : shape.version === 4 ? 1 : 4);
  vnet.setUint16(2, headerLengthOf(shape), true);
  vnet.setUint16(4, gsoSize, true);
  vnet.setUint16(6, start, true);
  vnet.setUint16(8, checksumOffset(shape), true);
  return Uint8Array.from([...new Uint8Array(vnet.buffer), ...packet]);
}

/** Returns the segments that the super-packet of this shape must be split into. */
export function segmentsOf(shape: PacketShape, gsoSize: number): Uint8Array[] {
  const { payload, sequence = 0, identification = 0, flags = ACK } = shape;
  const count = Math.max(1, Math.ceil(payload.length / gsoSize));
  return Array.from({ length: count }, (_, i) =>
    packetOf({
      ...shape,
      payload: payload.subarray(i * gsoSize, (i + 1) * gsoSize),
      sequence: (sequence + i * gsoSize) % 2 ** 32,
      identification: (identification + i) % 2 ** 16,
      flags: i === count - 1 ? flags : flags & ~(FIN | PSH),
    }),
  );
}

export function headerLengthOf(shape: PacketShape): number {
  const { protocol, options = new Uint8Array(0) } = shape;
  return transportOffset(shape) + (protocol === 'udp' ? 8 : 20 + options.length);
}

/**
 * Whether the checksum of TCP or UDP is right, and over IPv4 also that of the IP header. The packet
 * must have no IP options or extension headers.
 */
export function hasRightSums(packet: Uint8Array): boolean {
  const version = packet[0] >>> 4;
  const start = version === 4 ? 20 : 40;
  const protocol = packet[version === 4 ? 9 : 6];
  const addresses = version === 4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const length = packet.length - start;
  const pseudo = [...addresses, 0, 0, length >>> 8, length & 0xff, 0, protocol];
  if (version === 4 && slowSum(packet.subarray(0, 20)) !== 0xffff) return false;
  return slowSum(Uint8Array.from([...pseudo, ...packet.subarray(start)])) === 0xffff;
}

function withHeaders(shape: PacketShape): Uint8Array {
  const { version, trafficClass = 0, hopLimit = 64, payload } = shape;
  const { source = 1, destination = 2, identification = 0, mayNotFragment = true } = shape;
  const packet = new Uint8Array(headerLengthOf(shape) + payload.length);
  const view = new DataView(packet.buffer);
  const protocol = shape.protocol === 'tcp' ? 6 : 17;
  if (version === 4) {
    packet.set([0x45, trafficClass]);
    view.setUint16(2, packet.length);
    view.setUint16(4, identification);
    view.setUint16(6, mayNotFragment ? 0x4000 : 0);
    packet.set([hopLimit, protocol], 8);
    packet.set([10, 0, 0, source, 10, 0, 0, destination], 12);
    view.setUint16(10, slowChecksum(packet.subarray(0, 20)));
  } else {
    view.setUint32(0, 0x60000000 + (trafficClass << 20) + (shape.flowLabel ?? 0));
    view.setUint16(4, packet.length - 40);
    packet.set([protocol, hopLimit], 6);
    packet.set([0xfd, 0, source], 8);
    packet.set([0xfd, 0, destination], 24);
  }
  writeTransport(shape, packet.subarray(transportOffset(shape)));
  packet.set(payload, headerLengthOf(shape));
  return packet;
}

function writeTransport(shape: PacketShape, transport: Uint8Array): void {
  const { sourcePort = 1000, destinationPort = 2000, options = new Uint8Array(0) } = shape;
  const view = new DataView(transport.buffer, transport.byteOffset);
  view.setUint16(0, sourcePort);
  view.setUint16(2, destinationPort);
  if (shape.protocol === 'udp') return view.setUint16(4, transport.length);
  view.setUint32(4, shape.sequence ?? 0);
  view.setUint32(8, shape.acknowledgement ?? 7);
  view.setUint8(12, (5 + options.length / 4) << 4);
  view.setUint8(13, shape.flags ?? ACK);
  view.setUint16(14, shape.window ?? 500);
  transport.set(options, 20);
  return undefined;
}

function pseudoHeader({ version, protocol }: PacketShape, packet: Uint8Array): Uint8Array {
  const addresses = version === 4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const length = packet.length - (version === 4 ? 20 : 40);
  const end = [0, 0, length >>> 8, length & 0xff, 0, protocol === 'tcp' ? 6 : 17];
  return Uint8Array.from([...addresses, ...end]);
}

function transportOffset({ version }: PacketShape): number {
  return version === 4 ? 20 : 40;
}

function checksumOffset({ protocol }: PacketShape): number {
  return protocol === 'tcp' ? 16 : 6;
}

function write16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value & 0xff;
}
