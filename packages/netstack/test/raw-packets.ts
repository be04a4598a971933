/**
 * Packets built field by field with slow checksums, and a stack that is driven by hand.
 *
 * @module
 */
import { parseAddress } from '@litz/core';
import { seededRandomBytes, slowChecksum } from '@litz/testkit';
import { Stack, type StackOptions } from '../src/index.ts';

/** The addresses of the stack under test, and of the other side. */
export const OURS = { 4: '10.0.0.1', 6: 'fd00::1' } as const;
export const THEIRS = { 4: '10.0.0.2', 6: 'fd00::2' } as const;

export interface RawPacket {
  version: 4 | 6;
  source?: string;
  destination?: string;
  protocol: number;
  payload: Uint8Array;
  trafficClass?: number;
  hopLimit?: number;
  identification?: number;
  /** IPv4: flags and fragment offset, 16 bits. */
  fragment?: number;
  /** IPv4; a multiple of four bytes. */
  options?: Uint8Array;
}

/** Returns a packet from the other side to the stack. Extension headers are part of `payload`. */
export function rawPacket(shape: RawPacket): Uint8Array {
  const { version, payload, options = new Uint8Array(0) } = shape;
  const source = parseAddress(shape.source ?? THEIRS[version]);
  const destination = parseAddress(shape.destination ?? OURS[version]);
  const header = version === 4 ? 20 + options.length : 40;
  const packet = new Uint8Array(header + payload.length);
  const view = new DataView(packet.buffer);
  packet.set(payload, header);
  const trafficClass = shape.trafficClass ?? 0;
  if (version === 6) {
    view.setUint32(0, ((6 << 28) | (trafficClass << 20)) >>> 0);
    view.setUint16(4, payload.length);
    packet[6] = shape.protocol;
    packet[7] = shape.hopLimit ?? 64;
    packet.set(source, 8);
    packet.set(destination, 24);
    return packet;
  }
  packet[0] = 0x40 | (header / 4);
  packet[1] = trafficClass;
  view.setUint16(2, packet.length);
  view.setUint16(4, shape.identification ?? 0);
  view.setUint16(6, shape.fragment ?? 0);
  packet[8] = shape.hopLimit ?? 64;
  packet[9] = shape.protocol;
  packet.set(source, 12);
  packet.set(destination, 16);
  packet.set(options, 20);
  view.setUint16(10, slowChecksum(packet.subarray(0, header)));
  return packet;
}

/**
 * Returns a copy of a transport header and its payload, with its checksum at `offset`. The
 * addresses are those of the pseudo-header, which the checksum includes.
 */
export function withChecksum(
  transport: Uint8Array,
  offset: number,
  protocol: number,
  { version, source, destination }: Pick<RawPacket, 'version' | 'source' | 'destination'>,
): Uint8Array {
  const { length } = transport;
  const pseudo = Uint8Array.of(
    ...parseAddress(source ?? THEIRS[version]),
    ...parseAddress(destination ?? OURS[version]),
    0,
    0,
    length >>> 8,
    length & 0xff,
    0,
    0,
    0,
    protocol,
  );
  const copy = transport.slice();
  const view = new DataView(copy.buffer);
  view.setUint16(offset, 0);
  view.setUint16(offset, slowChecksum(joined(pseudo, copy)));
  return copy;
}

/** Returns a UDP datagram from the other side, port 9, to the stack. */
export function rawUdp(
  version: 4 | 6,
  port: number,
  data: Uint8Array,
  shape: Partial<RawPacket> = {},
): Uint8Array {
  const header = Uint8Array.of(0, 9, port >>> 8, port & 0xff, 0, 0, 0, 0);
  const datagram = joined(header, data);
  new DataView(datagram.buffer).setUint16(4, datagram.length);
  const payload = withChecksum(datagram, 6, 17, { version, ...shape });
  return rawPacket({ version, protocol: 17, payload, ...shape });
}

/** Returns an ICMP or ICMPv6 message from the other side to the stack. */
export function rawIcmp(
  version: 4 | 6,
  message: ArrayLike<number>,
  shape: Partial<RawPacket> = {},
): Uint8Array {
  const bytes = Uint8Array.from(message);
  bytes[2] = bytes[3] = 0;
  if (version === 6) {
    const payload = withChecksum(bytes, 2, 58, { version, ...shape });
    return rawPacket({ version, protocol: 58, payload, ...shape });
  }
  new DataView(bytes.buffer).setUint16(2, slowChecksum(bytes));
  return rawPacket({ version, protocol: 1, payload: bytes, ...shape });
}

/** Returns a pattern of bytes. Each byte depends on its position and on `seed`. */
export function pattern(length: number, seed = 1): Uint8Array {
  return patternAt(0, length, seed);
}

/** Returns the bytes of a pattern from a position on. */
export function patternAt(position: number, length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, at = position; i < length; i++, at++) bytes[i] = at * 7 + (at >>> 8) * 13 + seed;
  return bytes;
}

/** Returns the bytes of several arrays in a row. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Returns a stack with the addresses `OURS`. The random bytes are the same in every run. */
export function createStack(options: Partial<StackOptions> = {}): Stack {
  const randomBytes = seededRandomBytes(1);
  return new Stack({ randomBytes, addresses: [OURS[4], OURS[6]], ...options });
}

/** Gives a packet to the stack, as a part of a larger buffer. */
export function give(stack: Stack, packet: Uint8Array, now = 0): void {
  stack.handlePacket(joined(new Uint8Array(5), packet), 5, packet.length, now);
}

/** Takes all packets from the stack. */
export function take(stack: Stack, now = 0): Uint8Array[] {
  const packets: Uint8Array[] = [];
  const buffer = new Uint8Array(70_000);
  for (;;) {
    const length = stack.pollPacket(buffer, 3, now);
    if (length === 0) return packets;
    packets.push(buffer.slice(3, 3 + length));
  }
}

/** Returns the part of a packet after its IP header. */
export function transportOf(packet: Uint8Array): Uint8Array {
  return packet.subarray(packet[0] >>> 4 === 4 ? (packet[0] & 0x0f) * 4 : 40);
}

/** Whether the checksums of a packet that is no fragment are right. */
export function hasRightSums(packet: Uint8Array): boolean {
  const isV4 = packet[0] >>> 4 === 4;
  const protocol = packet[isV4 ? 9 : 6];
  const transport = transportOf(packet);
  const { length } = transport;
  if (isV4 && slowChecksum(packet.subarray(0, 20)) !== 0) return false;
  if (protocol === 1) return slowChecksum(transport) === 0;
  const addresses = isV4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const end = Uint8Array.of(0, 0, length >>> 8, length & 0xff, 0, 0, 0, protocol);
  return slowChecksum(joined(addresses, end, transport)) === 0;
}
