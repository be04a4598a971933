/**
 * Datagrams and control packets on their way out.
 *
 * 1. `beginPacket` finds space for a packet. Its caller writes the transport header and the
 *    payload.
 * 2. `finishPacket` writes the IP header. A packet that is too long for its path becomes fragments.
 *
 * TCP segments with data do not come here: they are written when the device takes them.
 *
 * @module
 */
import type { StackState } from '../stack-state.ts';
import { writeInt32, writeUint16 } from '../wire/bytes.ts';
import { ipHeaderLength, writeIpHeader, writeIpv4Checksum } from '../wire/ip-header.ts';
import {
  FRAGMENT_HEADER_LENGTH,
  IPV4_HEADER_LENGTH,
  IPV6_HEADER_LENGTH,
  MAX_PACKET_LENGTH,
  PROTOCOL,
} from '../wire/protocol.ts';

/**
 * Finds space for a packet with the header `state.header`. `state.building` then says where its
 * transport header begins.
 *
 * @param transportLength bytes from the transport header to the end
 * @returns false if the queue is full, or the packet would be longer than 65535 bytes
 */
export function beginPacket(state: StackState, transportLength: number): boolean {
  const headerLength = ipHeaderLength(state.header.destination.version);
  const length = headerLength + transportLength;
  if (length > MAX_PACKET_LENGTH) return false;
  const ring = length <= pathMtu(state) ? state.output : state.scratch;
  const offset = ring.reserve(length);
  if (offset === -1) return false;
  state.building.buffer = ring.bytes;
  state.building.transport = offset + headerLength;
  state.building.length = length;
  return true;
}

/**
 * Puts the packet into the queue, as fragments if it is too long.
 *
 * @returns false if the queue has no space for all fragments of the packet; nothing is sent then
 */
export function finishPacket(state: StackState): boolean {
  const { header, building } = state;
  const { buffer, length } = building;
  const headerLength = ipHeaderLength(header.destination.version);
  const offset = building.transport - headerLength;
  const isWhole = buffer === state.output.bytes;
  // RFC 6864 4: the identification of a packet that is never fragmented has no meaning.
  header.mayNotFragment = isWhole;
  header.identification = 0;
  writeIpHeader(header, buffer, offset, length);
  if (isWhole) {
    state.output.commit(offset, length);
    return true;
  }
  return header.destination.version === 4 ? fragmentIpv4(state) : fragmentIpv6(state);
}

function pathMtu({ pathMtus, header, mtu, now }: StackState): number {
  return pathMtus.of(header.destination, mtu, now);
}

/** Puts fragments into the queue (RFC 791 3.2). Routers may fragment them again. */
function fragmentIpv4(state: StackState): boolean {
  const { output, building } = state;
  const most = (pathMtu(state) - IPV4_HEADER_LENGTH) & ~7;
  const data = building.length - IPV4_HEADER_LENGTH;
  const identification = nextIdentification(state);
  for (let done = 0; done < data; done += most) {
    const part = Math.min(most, data - done);
    const at = output.reserve(IPV4_HEADER_LENGTH + part);
    if (at === -1) return undo(state, done / most);
    copyPart(state, at, IPV4_HEADER_LENGTH, done, part);
    writeUint16(output.bytes, at + 2, IPV4_HEADER_LENGTH + part);
    writeUint16(output.bytes, at + 4, identification);
    writeUint16(output.bytes, at + 6, (done >>> 3) | (done + part < data ? 0x2000 : 0));
    writeIpv4Checksum(output.bytes, at, IPV4_HEADER_LENGTH);
    output.commit(at, IPV4_HEADER_LENGTH + part);
  }
  return true;
}

/** Puts fragments into the queue (RFC 8200 4.5). */
function fragmentIpv6(state: StackState): boolean {
  const { output, header, building } = state;
  const front = IPV6_HEADER_LENGTH + FRAGMENT_HEADER_LENGTH;
  const most = (pathMtu(state) - front) & ~7;
  const data = building.length - IPV6_HEADER_LENGTH;
  const identification = nextIdentification(state);
  for (let done = 0; done < data; done += most) {
    const part = Math.min(most, data - done);
    const at = output.reserve(front + part);
    if (at === -1) return undo(state, done / most);
    copyPart(state, at, front, done, part);
    const { bytes } = output;
    writeUint16(bytes, at + 4, FRAGMENT_HEADER_LENGTH + part);
    bytes[at + 6] = PROTOCOL.FRAGMENT;
    bytes[at + IPV6_HEADER_LENGTH] = header.protocol;
    bytes[at + IPV6_HEADER_LENGTH + 1] = 0;
    writeUint16(bytes, at + IPV6_HEADER_LENGTH + 2, done | (done + part < data ? 1 : 0));
    writeInt32(bytes, at + IPV6_HEADER_LENGTH + 4, identification);
    output.commit(at, front + part);
  }
  return true;
}

/** Copies the IP header and a part of the data from `state.building` to a place in the queue. */
function copyPart(state: StackState, at: number, front: number, done: number, part: number): void {
  const { buffer, transport } = state.building;
  const headerLength = ipHeaderLength(state.header.destination.version);
  const { bytes } = state.output;
  bytes.set(buffer.subarray(transport - headerLength, transport), at);
  bytes.set(buffer.subarray(transport + done, transport + done + part), at + front);
}

/** Takes back the fragments of a datagram that does not fit into the queue as a whole. */
function undo({ output }: StackState, fragments: number): false {
  output.undo(fragments);
  return false;
}

/** RFC 7739 5.3: counts up for each pair of addresses, from a value that nobody can predict. */
function nextIdentification({ hash, header, identifications }: StackState): number {
  const value = hash.begin().address(header.source).address(header.destination).end();
  return (identifications[hash.high & (identifications.length - 1)]++ + value) | 0;
}
