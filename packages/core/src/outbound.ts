/**
 * The way of a packet out, section 3:
 *
 * 1. A packet from the interface: is it IP, and is the link up?
 * 2. Its destination address -> the peer (cryptokey routing). Nobody, or a peer without an endpoint:
 *    the sender gets an ICMP message.
 * 3. The peer -> its current keypair. None that may be used: the packet is staged and a handshake
 *    begins; what is staged leaves in order when the session is there.
 * 4. Padding, transport header in front, sealed where it stands.
 * 5. Out, with the ECN bits of the packet; then once per batch: counters, timers, renewal of the keys.
 *
 * The functions below stand in that order.
 *
 * @module
 */
import {
  MAX_DATAGRAM_LENGTH,
  REKEY_AFTER_TIME_MS,
  TRANSPORT_HEADER_LENGTH,
  TRANSPORT_OVERHEAD,
} from './constants.ts';
import type { DropReason } from './drop-reason.ts';
import { drop, type EngineState } from './engine-state.ts';
import { unreachable } from './icmp.ts';
import { startHandshake } from './initiating.ts';
import {
  ecn,
  IPV4_DESTINATION,
  IPV4_HEADER_LENGTH,
  IPV6_DESTINATION,
  IPV6_HEADER_LENGTH,
} from './ip-packet.ts';
import type { Keypair } from './keypairs.ts';
import type { Peer } from './peer.ts';
import { endSession } from './session.ts';
import { STAGED_OFFSET, StagedPackets, stagedLength } from './staged-packets.ts';
import { TIMER } from './timer-table.ts';
import { authenticatedSent, authenticatedTraversal, dataSent } from './timers.ts';
import { sealTransportData } from './transport-data.ts';

/** The whole way of one packet, sealed in place. */
export function sendPacket(
  state: EngineState,
  buffer: Uint8Array,
  offset: number,
  length: number,
  now: number,
): DropReason | undefined {
  const addresses = destinationOf(buffer, offset, length);
  if (addresses === 0) return drop(state, 'not-ip');
  if (!state.up) return drop(state, 'link-down');
  const peer = route(state, buffer, offset, addresses);
  if (!peer) return refuse(state, 'no-peer', undefined, buffer, offset, length, now);
  if (!peer.endpoint) return refuse(state, 'no-endpoint', peer, buffer, offset, length, now);
  if (peer.unusable || !state.identity) return drop(state, 'peer-unusable', peer);
  if (length > MAX_DATAGRAM_LENGTH - TRANSPORT_OVERHEAD) {
    return drop(state, 'packet-too-big', peer);
  }
  if (peer.staged && peer.staged.length > 0) sendStaged(state, peer, now);
  const keypair = peer.sendKeypair(now);
  if (!keypair) return stage(state, peer, buffer, offset, length, now);
  const bytes = emit(state, keypair, buffer, offset, length);
  afterSend(state, keypair, 1, bytes, now);
  dataSent(state, peer, now);
  return undefined;
}

/** Byte length of the destination address, 4 or 16; 0 if this is no IP packet. */
export function destinationOf(buffer: Uint8Array, offset: number, length: number): 0 | 4 | 16 {
  if (length < IPV4_HEADER_LENGTH) return 0;
  const version = buffer[offset] >>> 4;
  if (version === 4) return 4;
  return version === 6 && length >= IPV6_HEADER_LENGTH ? 16 : 0;
}

/** The peer that the packet at `offset` goes to. */
export function route(
  state: EngineState,
  buffer: Uint8Array,
  offset: number,
  addressLength: 4 | 16,
): Peer | undefined {
  const at = addressLength === 4 ? IPV4_DESTINATION : IPV6_DESTINATION;
  return state.allowedIps.lookup(buffer, offset + at, addressLength);
}

/** Tells the sender that nobody is there, at a limited rate. */
function refuse(
  state: EngineState,
  reason: 'no-peer' | 'no-endpoint',
  peer: Peer | undefined,
  buffer: Uint8Array,
  offset: number,
  length: number,
  now: number,
): DropReason {
  if (state.unreachables.take(now)) {
    const answer = unreachable(buffer, offset, length);
    if (answer) {
      state.stats.unreachablesMade++;
      state.outputs.packet(undefined, answer, 0, answer.length);
    }
  }
  return drop(state, reason, peer);
}

/** Keeps a copy until there is a session. */
function stage(
  state: EngineState,
  peer: Peer,
  buffer: Uint8Array,
  offset: number,
  length: number,
  now: number,
): DropReason | undefined {
  endSession(state, peer);
  peer.staged ??= new StagedPackets();
  if (!peer.staged.push(buffer, offset, length)) drop(state, 'staged-overflow', peer);
  startHandshake(state, peer, now);
  return peer.unusable ? 'peer-unusable' : undefined;
}

/** Sends what is staged, in order, as far as the session's limits allow. */
export function sendStaged(state: EngineState, peer: Peer, now: number): void {
  const { staged } = peer;
  if (!staged || staged.length === 0) return;
  const keypair = peer.sendKeypair(now);
  if (keypair) flush(state, keypair, staged, now);
  if (staged.length === 0) return;
  endSession(state, peer);
  startHandshake(state, peer, now);
}

function flush(state: EngineState, keypair: Keypair, staged: StagedPackets, now: number): void {
  let messages = 0;
  let bytes = 0;
  while (keypair.usable(now)) {
    const room = staged.shift();
    if (!room) break;
    bytes += emit(state, keypair, room, STAGED_OFFSET, stagedLength(room));
    messages++;
  }
  afterSend(state, keypair, messages, bytes, now);
  dataSent(state, keypair.peer, now);
}

/** A message with nothing in it; without a session, a handshake, which says as much. */
export function sendKeepalive(state: EngineState, peer: Peer, now: number): void {
  if (!state.up) return;
  if (peer.staged && peer.staged.length > 0) {
    sendStaged(state, peer, now);
    return;
  }
  const keypair = peer.sendKeypair(now);
  if (!keypair || !peer.endpoint) {
    // Nothing that somebody wanted to send: an attempt in progress is not prolonged by it.
    if (!state.timers.isArmed(peer.slot, TIMER.RETRANSMIT)) startHandshake(state, peer, now);
    return;
  }
  const room = new Uint8Array(TRANSPORT_OVERHEAD);
  const bytes = sealTransportData(keypair, room, TRANSPORT_HEADER_LENGTH, 0, state.mtu);
  state.outputs.transmit(peer, peer.endpoint, 0, room, 0, bytes);
  state.stats.sentKeepalives++;
  afterSend(state, keypair, 1, bytes, now);
}

/** Seals one packet and puts it out. Returns the length of the datagram. */
function emit(
  state: EngineState,
  keypair: Keypair,
  buffer: Uint8Array,
  offset: number,
  length: number,
): number {
  const { peer } = keypair;
  const tos = ecn(buffer, offset);
  const bytes = sealTransportData(keypair, buffer, offset, length, state.mtu);
  if (peer.endpoint) {
    const start = offset - TRANSPORT_HEADER_LENGTH;
    state.outputs.transmit(peer, peer.endpoint, tos, buffer, start, bytes);
  }
  return bytes;
}

/** Bookkeeping for `messages` messages of one keypair, `bytes` long together: once per batch. */
export function afterSend(
  state: EngineState,
  keypair: Keypair,
  messages: number,
  bytes: number,
  now: number,
): void {
  const { peer } = keypair;
  const { stats } = state;
  stats.sentMessages += messages;
  stats.sentBytes += bytes;
  peer.sentBytes += bytes;
  authenticatedSent(state, peer);
  authenticatedTraversal(state, peer, now);
  keepKeyFresh(state, keypair, now);
}

/** Section 6.2: whoever initiated renews by age, both sides by count. */
function keepKeyFresh(state: EngineState, keypair: Keypair, now: number): void {
  const aged = keypair.isInitiator && now >= keypair.createdAt + REKEY_AFTER_TIME_MS;
  if (aged || keypair.sendCounter > keypair.limits.rekeyAfterMessages) {
    startHandshake(state, keypair.peer, now);
  }
}
