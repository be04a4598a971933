/**
 * `readExtensionHeaders`: follows the extension headers of an IPv6 packet (RFC 8200 4) up to the
 * transport header, or to the Fragment header of a fragment.
 *
 * @module
 */
import type { DropReason } from '../drop-reason.ts';
import { readInt32, readUint16 } from './bytes.ts';
import type { IpFields } from './ip-fields.ts';
import { FRAGMENT_HEADER_LENGTH, IPV6_HEADER_LENGTH, PROTOCOL } from './protocol.ts';

/** Codes of ICMPv6 Parameter Problem (RFC 4443 3.4, RFC 7112 5). */
export const PARAMETER_PROBLEM = {
  WRONG_FIELD: 0,
  UNKNOWN_NEXT_HEADER: 1,
  UNKNOWN_OPTION: 2,
  INCOMPLETE_HEADER_CHAIN: 3,
} as const;

/**
 * Moves `packet.transport` to the end of the extension headers, and sets `packet.protocol`. If a
 * problem must be answered, it is in `packet.problemCode`.
 *
 * @param pointer where the number of the first header is in the buffer. That header itself begins
 *   at `packet.transport`
 * @returns why the packet must be dropped; undefined if it is good
 */
export function readExtensionHeaders(packet: IpFields, pointer: number): DropReason | undefined {
  const { buffer } = packet;
  let next = pointer;
  for (;;) {
    const protocol = buffer[next];
    packet.protocol = protocol;
    packet.protocolPointer = next;
    switch (protocol) {
      case PROTOCOL.HOP_BY_HOP: {
        // RFC 8200 4.1: this header comes first, or not at all.
        if (next !== packet.offset + 6) {
          return problem(packet, PARAMETER_PROBLEM.UNKNOWN_NEXT_HEADER, next);
        }
        const reason = readOptions(packet);
        if (reason) return reason;
        break;
      }
      case PROTOCOL.DESTINATION_OPTIONS: {
        const reason = readOptions(packet);
        if (reason) return reason;
        break;
      }
      case PROTOCOL.ROUTING: {
        const reason = readRouting(packet);
        if (reason) return reason;
        break;
      }
      case PROTOCOL.FRAGMENT: {
        const reason = readFragment(packet, next);
        if (reason || packet.isFragment) return reason;
        break;
      }
      default:
        return undefined;
    }
    next = packet.transport;
    packet.transport += lengthAt(packet, protocol);
  }
}

/**
 * Whether the first fragment of a packet has all extension headers, and at least the shortest
 * transport header after them (RFC 7112 5). The contents of the headers are not checked.
 */
export function hasWholeHeaderChain(packet: IpFields): boolean {
  const { buffer } = packet;
  const end = packet.offset + packet.length;
  let { protocol, transport } = packet;
  while (isExtension(protocol)) {
    if (transport + 8 > end) return false;
    const length = protocol === PROTOCOL.FRAGMENT ? 8 : (buffer[transport + 1] + 1) * 8;
    protocol = buffer[transport];
    transport += length;
  }
  return transport + shortestHeader(protocol) <= end;
}

function isExtension(protocol: number): boolean {
  return (
    protocol === PROTOCOL.HOP_BY_HOP ||
    protocol === PROTOCOL.ROUTING ||
    protocol === PROTOCOL.FRAGMENT ||
    protocol === PROTOCOL.DESTINATION_OPTIONS
  );
}

function shortestHeader(protocol: number): number {
  if (protocol === PROTOCOL.TCP) return 20;
  return protocol === PROTOCOL.UDP || protocol === PROTOCOL.ICMPV6 ? 8 : 0;
}

/** Returns the length in bytes of the header at `packet.transport`, which must be complete. */
function lengthAt({ buffer, transport }: IpFields, protocol: number): number {
  return protocol === PROTOCOL.FRAGMENT ? FRAGMENT_HEADER_LENGTH : (buffer[transport + 1] + 1) * 8;
}

/** Whether the header at `packet.transport`, with its own length, is within the packet. */
function isComplete(packet: IpFields): boolean {
  return (
    packet.transportLength >= 8 &&
    packet.transportLength >= (packet.buffer[packet.transport + 1] + 1) * 8
  );
}

/**
 * Reads Hop-by-Hop or Destination Options (RFC 8200 4.2). Returns why the packet must be dropped.
 */
function readOptions(packet: IpFields): DropReason | undefined {
  if (!isComplete(packet)) return 'bad-extension-header';
  const { buffer, transport } = packet;
  const end = transport + (buffer[transport + 1] + 1) * 8;
  for (let at = transport + 2; at < end;) {
    const type = buffer[at];
    if (type === PAD_1) {
      at++;
      continue;
    }
    if (at + 1 >= end || at + 2 + buffer[at + 1] > end) return 'bad-extension-header';
    // The two highest bits say what to do with an option that is not known.
    const action = type === PAD_N ? 0 : type >>> 6;
    if (action === 1) return 'bad-extension-header';
    if (action > 1) {
      return problem(packet, PARAMETER_PROBLEM.UNKNOWN_OPTION, at, action === 2);
    }
    at += 2 + buffer[at + 1];
  }
  return undefined;
}

/**
 * RFC 8200 4.4: a routing header without segments left is skipped. With segments left, every type
 * is treated as unknown, also type 0 (RFC 5095).
 */
function readRouting(packet: IpFields): DropReason | undefined {
  if (!isComplete(packet)) return 'bad-extension-header';
  const { buffer, transport } = packet;
  if (buffer[transport + 3] === 0) return undefined;
  return problem(packet, PARAMETER_PROBLEM.WRONG_FIELD, transport + 2);
}

/** Reads a Fragment header (RFC 8200 4.5). Returns why the packet must be dropped. */
function readFragment(packet: IpFields, pointer: number): DropReason | undefined {
  if (packet.transportLength < FRAGMENT_HEADER_LENGTH) return 'bad-extension-header';
  const { buffer, transport } = packet;
  const field = readUint16(buffer, transport + 2);
  packet.fragmentOffset = field & 0xfff8;
  packet.hasMoreFragments = (field & 1) !== 0;
  packet.identification = readInt32(buffer, transport + 4);
  // RFC 6946: a packet may have a Fragment header and still be complete. It needs no reassembly.
  packet.isFragment = packet.hasMoreFragments || packet.fragmentOffset > 0;
  if (!packet.isFragment) return undefined;
  packet.fragmentPointer = pointer;
  packet.fragmentHeader = transport;
  packet.protocol = buffer[transport];
  packet.transport += FRAGMENT_HEADER_LENGTH;
  if (packet.hasMoreFragments && packet.transportLength % 8 !== 0) {
    return problem(packet, PARAMETER_PROBLEM.WRONG_FIELD, packet.offset + 4);
  }
  // The fragments together must not be longer than a packet can be.
  const unfragmentable = transport - packet.offset - IPV6_HEADER_LENGTH;
  if (unfragmentable + packet.fragmentOffset + packet.transportLength > 0xffff) {
    return problem(packet, PARAMETER_PROBLEM.WRONG_FIELD, transport + 2);
  }
  return undefined;
}

/**
 * Notes a problem that must be answered.
 *
 * @param at where the wrong field is in the buffer
 */
function problem(packet: IpFields, code: number, at: number, answersGroup = false): DropReason {
  packet.problemCode = code;
  packet.problemPointer = at - packet.offset;
  packet.answersGroup = answersGroup;
  return 'bad-extension-header';
}

const PAD_1 = 0;
const PAD_N = 1;
