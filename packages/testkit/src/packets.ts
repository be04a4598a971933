/**
 * Makes IP packets for tests, with valid headers and recognisable payloads.
 *
 * @module
 */

/** Addresses are 4 bytes (IPv4) or 16 bytes (IPv6). Both addresses must be of one family. */
export interface PacketOptions {
  source: ArrayLike<number>;
  destination: ArrayLike<number>;
  /** Length of the whole packet in bytes. Default: header and payload. */
  length?: number;
  payload?: ArrayLike<number>;
  /** The low two bits of TOS or traffic class. */
  ecn?: number;
  /** IP protocol. Default: 17, UDP. */
  protocol?: number;
}

/**
 * Returns an IPv4 or IPv6 packet; the length of the addresses decides which. The payload is
 * repeated up to the length of the packet.
 */
export function ipPacket(options: PacketOptions): Uint8Array {
  return options.source.length === 4 ? ipv4Packet(options) : ipv6Packet(options);
}

/** Returns a new IPv4 packet without options, with the checksum of its header. */
export function ipv4Packet(options: PacketOptions): Uint8Array {
  const packet = packetOf(options, 20);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45;
  packet[1] = options.ecn ?? 0;
  view.setUint16(2, packet.length);
  packet[8] = 64;
  packet[9] = options.protocol ?? 17;
  packet.set(options.source, 12);
  packet.set(options.destination, 16);
  view.setUint16(10, headerChecksum(packet));
  return packet;
}

/** Returns a new IPv6 packet without extension headers. */
export function ipv6Packet(options: PacketOptions): Uint8Array {
  const packet = packetOf(options, 40);
  const view = new DataView(packet.buffer);
  view.setUint32(0, (0x60000000 | ((options.ecn ?? 0) << 20)) >>> 0);
  view.setUint16(4, packet.length - 40);
  packet[6] = options.protocol ?? 17;
  packet[7] = 64;
  packet.set(options.source, 8);
  packet.set(options.destination, 24);
  return packet;
}

/**
 * Returns whether the IPv4 header checksum is right. Then the complement of the sum over all 20
 * bytes, which include the checksum itself, is zero.
 */
export function headerChecksumIsRight(packet: Uint8Array): boolean {
  return headerChecksum(packet) === 0;
}

function packetOf({ payload = [0xa5], length }: PacketOptions, header: number): Uint8Array {
  const packet = new Uint8Array(length ?? header + payload.length);
  for (let i = header; i < packet.length; i++) {
    packet[i] = payload[(i - header) % payload.length] ?? 0;
  }
  return packet;
}

function headerChecksum(packet: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += ((packet[i] ?? 0) << 8) | (packet[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
