/**
 * A packet on its way in:
 *
 * 1. The headers are read and checked (`IpPacket`).
 * 2. The packet must be from one host, and to an address of the stack.
 * 3. A fragment waits until its datagram is complete (`Reassembly`).
 * 4. The protocol decides who gets it.
 *
 * Nothing here throws, whatever the packet contains. Dropped packets are counted.
 *
 * @module
 */
import { answerProblem, answerReassemblyTimeout, answerUnreachable } from '../icmp/errors.ts';
import { receiveIcmp } from '../icmp/receive.ts';
import type { StackState } from '../stack-state.ts';
import { receiveTcp } from '../tcp/receive.ts';
import { receiveUdp } from '../udp/receive.ts';
import { hasWholeHeaderChain, PARAMETER_PROBLEM } from '../wire/extension-headers.ts';
import { PROTOCOL } from '../wire/protocol.ts';

/**
 * Processes the packet at `offset`. Bytes after the length that its header states are ignored.
 *
 * @param isTrusted whether the transport checksum need not be verified: a device has verified it,
 *   or the packet was made on this machine and its checksum is not complete yet
 */
export function receivePacket(
  state: StackState,
  buffer: Uint8Array,
  offset: number,
  length: number,
  isTrusted: boolean,
): void {
  const { packet } = state;
  const reason = packet.read(buffer, offset, length);
  if (reason) {
    if (packet.problemCode !== -1) answerProblem(state);
    return state.drop(reason);
  }
  // A source that is a loopback address or not one host is never valid (RFC 1122 3.2.1.3). A source
  // that is an address of ours is wrong too, because no other host has our addresses.
  const { source, destination } = packet;
  if (!source.isHost || source.isLoopback || state.addresses.has(source)) {
    return state.drop('bad-source');
  }
  if (!state.addresses.has(destination)) return state.drop('not-ours');
  return deliverOrKeep(state, isTrusted);
}

/** Processes a packet that the stack has sent to itself. See `receivePacket`. */
export function receiveOwnPacket(
  state: StackState,
  buffer: Uint8Array,
  offset: number,
  length: number,
  isTrusted: boolean,
): void {
  const reason = state.packet.read(buffer, offset, length);
  if (reason) return state.drop(reason);
  return deliverOrKeep(state, isTrusted);
}

/** Whether a packet that the stack sends has an address of the stack as its destination. */
export function isForUs(state: StackState, buffer: Uint8Array, offset: number): boolean {
  const version = buffer[offset] >>> 4 === 4 ? 4 : 6;
  const { destination } = state.packet;
  destination.read(buffer, offset + (version === 4 ? 16 : 24), version);
  return state.addresses.has(destination);
}

/** Gives up the datagrams whose time is over. RFC 1122 3.3.2, RFC 8200 4.5. */
export function expireFragments(state: StackState): void {
  const { reassembly, packet, now } = state;
  for (let bytes = reassembly.expire(now); bytes; bytes = reassembly.expire(now)) {
    state.drop('fragment-timeout');
    if (bytes.length === 0) continue;
    packet.read(bytes, 0, bytes.length, true);
    answerReassemblyTimeout(state);
  }
}

function deliverOrKeep(state: StackState, isTrusted: boolean): void {
  return state.packet.isFragment ? receiveFragment(state) : deliver(state, isTrusted);
}

function receiveFragment(state: StackState): void {
  const { packet, reassembly } = state;
  // RFC 7112 5: the first fragment must have all headers.
  if (packet.version === 6 && packet.fragmentOffset === 0 && !hasWholeHeaderChain(packet)) {
    packet.problemCode = PARAMETER_PROBLEM.INCOMPLETE_HEADER_CHAIN;
    packet.problemPointer = 0;
    answerProblem(state);
    return state.drop('malformed-fragment');
  }
  const result = reassembly.add(packet, state.now);
  if (result === 'waiting') return undefined;
  if (result !== 'complete') return state.drop(result);
  const reason = packet.read(reassembly.packet, 0, reassembly.packetLength, true);
  if (!reason) return deliver(state, false);
  if (packet.problemCode !== -1) answerProblem(state);
  return state.drop(reason);
}

function deliver(state: StackState, isTrusted: boolean): void {
  const { protocol, version } = state.packet;
  if (protocol === PROTOCOL.TCP) return receiveTcp(state, isTrusted);
  if (protocol === PROTOCOL.UDP) return receiveUdp(state, isTrusted);
  if (protocol === (version === 4 ? PROTOCOL.ICMP : PROTOCOL.ICMPV6)) return receiveIcmp(state);
  state.drop('unknown-protocol');
  // RFC 8200 4.7: a packet without a next header is valid, and needs no answer.
  if (version === 6 && protocol === PROTOCOL.NO_NEXT_HEADER) return undefined;
  return answerUnreachable(state, 'protocol');
}
