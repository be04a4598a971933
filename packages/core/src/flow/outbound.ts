/**
 * Sends packets from the interface, section 3 of the WireGuard paper. Packets come in runs: packets
 * of one flow in one buffer. A single packet is a run of one.
 *
 * 1. Check that the packets are IP packets and that the link is up.
 * 2. Find the peer by destination address (cryptokey routing). If there is no peer, or the peer has
 *    no endpoint, answer with an ICMP message. Drop our own datagrams that would loop.
 * 3. Find the peer's current keypair. If it cannot be used, stage the packets and start a
 *    handshake. Staged packets are sent in order when a session exists.
 * 4. Pad the packets, write the transport headers in front, and seal them in place.
 * 5. Queue the datagrams for the caller, with the ECN bits of the packets.
 * 6. Once per batch, update counters and timers and renew keys (`finishSent`).
 *
 * The functions below follow this order.
 *
 * @module
 */
import {
  MAX_MTU,
  REKEY_AFTER_TIME_MS,
  TRANSPORT_HEADER_LENGTH,
  TRANSPORT_OVERHEAD,
} from '../constants.ts';
import type { DropReason } from '../drop-reason.ts';
import { drop, type EngineState } from '../engine-state.ts';
import { createUnreachable } from '../wire/icmp.ts';
import { reportUnanswered, startHandshake } from './handshake-send.ts';
import {
  readEcn,
  IPV4_DESTINATION,
  IPV4_HEADER_LENGTH,
  IPV6_DESTINATION,
  IPV6_HEADER_LENGTH,
} from '../wire/ip-packet.ts';
import type { Keypair } from '../peer/keypairs.ts';
import type { Peer } from '../peer/peer.ts';
import { reportExpiry } from './session-lifecycle.ts';
import { STAGED_OFFSET, StagedPackets, stagedLengthOf } from '../peer/staged-packets.ts';
import { TIMER } from '../peer/timer-table.ts';
import { authenticatedSent, authenticatedTraversal, dataSent } from './timers.ts';
import type { PacketRun } from '../wire/packet-run.ts';
import { messageLengthOf, sealTransportData, sealTransportRun } from '../wire/transport-data.ts';

/**
 * Does all steps for one run, except step 6, which `finishSent` does later. The packets are sealed
 * in place.
 *
 * @returns why the last packet was dropped; undefined if it was sent or staged
 */
export function sendPackets(
  state: EngineState,
  run: PacketRun,
  now: number,
): DropReason | undefined {
  const { buffer, offset, length, count } = run;
  const addressLength = destinationOf(buffer, offset, run.lastLength);
  if (addressLength === 0) return drop(state, 'not-ip', undefined, count);
  if (!state.up) return drop(state, 'link-down', undefined, count);
  const peer = findPeer(state, buffer, offset, addressLength);
  if (!peer) return dropUnreachable(state, 'no-peer', undefined, run, now);
  if (!peer.endpoint) return dropUnreachable(state, 'no-endpoint', peer, run, now);
  if (peer.unusable || !state.identity) return drop(state, 'peer-unusable', peer, count);
  if (length > MAX_PACKET_LENGTH) return drop(state, 'packet-too-big', peer, count);
  if (state.routingLoops.contain(run, peer, now)) return drop(state, 'routing-loop', peer, count);
  if (peer.staged && peer.staged.length > 0) {
    finishSent(state, now);
    sendStaged(state, peer, now);
  }
  const sealed = sealRun(state, peer, run, now);
  if (sealed === count) return undefined;
  finishSent(state, now);
  return stage(state, peer, run, sealed, now);
}

/**
 * Sends staged packets in order, as far as the session's limits allow. Starts a handshake for the
 * rest.
 */
export function sendStaged(state: EngineState, peer: Peer, now: number): void {
  const { staged } = peer;
  if (!staged || staged.length === 0) return;
  const keypair = peer.sendKeypair(now);
  if (keypair) sendAllStaged(state, keypair, staged, now);
  if (staged.length === 0) return;
  reportExpiry(state, peer);
  startHandshake(state, peer, now);
}

/**
 * Sends the staged packets. If there are none, sends a keepalive, which is an empty transport
 * message. If there is no session, starts a handshake instead, because an initiation also shows the
 * peer that we are there.
 */
export function sendKeepalive(state: EngineState, peer: Peer, now: number): void {
  if (!state.up) return;
  if (peer.staged && peer.staged.length > 0) {
    sendStaged(state, peer, now);
    return;
  }
  const keypair = peer.sendKeypair(now);
  if (!keypair || !peer.endpoint) {
    // No packet waits for the keepalive, so it does not prolong an attempt that is in progress.
    if (!state.timers.isArmed(peer.slot, TIMER.RETRANSMIT)) startHandshake(state, peer, now);
    return;
  }
  const buffer = new Uint8Array(TRANSPORT_OVERHEAD);
  const bytes = sealTransportData(keypair, buffer, TRANSPORT_HEADER_LENGTH, 0, state.mtu);
  state.outputs.transmit(peer, peer.endpoint, 0, buffer, 0, bytes);
  state.stats.sentKeepalives++;
  afterSend(state, keypair, 1, bytes, now);
}

/** Returns whether `sendKeepalive` would start a handshake that no packet waits for. */
export function wouldInitiate(state: EngineState, peer: Peer, now: number): boolean {
  if (peer.sendKeypair(now) || state.timers.isArmed(peer.slot, TIMER.RETRANSMIT)) return false;
  return !peer.staged || peer.staged.length === 0;
}

/** Does the bookkeeping for the messages recorded in this batch. Call it at the end of a batch. */
export function finishSent(state: EngineState, now: number): void {
  const { sent } = state;
  const { keypair, messages, bytes } = sent;
  if (!keypair) return;
  sent.keypair = undefined;
  sent.messages = 0;
  sent.bytes = 0;
  afterSend(state, keypair, messages, bytes, now);
  dataSent(state, keypair.peer, now);
}

/**
 * Returns the length of the destination address in bytes, 4 or 16; 0 if this is not an IP packet.
 */
function destinationOf(buffer: Uint8Array, offset: number, length: number): 0 | 4 | 16 {
  if (length < IPV4_HEADER_LENGTH) return 0;
  const version = buffer[offset] >>> 4;
  if (version === 4) return 4;
  return version === 6 && length >= IPV6_HEADER_LENGTH ? 16 : 0;
}

/** Returns the peer whose allowed IPs contain the destination of the packet at `offset`. */
function findPeer(
  state: EngineState,
  buffer: Uint8Array,
  offset: number,
  addressLength: 4 | 16,
): Peer | undefined {
  const at = addressLength === 4 ? IPV4_DESTINATION : IPV6_DESTINATION;
  return state.allowedIps.lookup(buffer, offset + at, addressLength);
}

/** Drops a run, and answers its packets with ICMP "unreachable" packets, at a limited rate. */
function dropUnreachable(
  state: EngineState,
  reason: 'no-peer' | 'no-endpoint',
  peer: Peer | undefined,
  run: PacketRun,
  now: number,
): DropReason {
  const { buffer, offset, stride, count } = run;
  for (let i = 0; i < count && state.unreachableLimit.take(now); i++) {
    if (peer && i === 0) reportUnanswered(state, peer);
    const answer = createUnreachable(buffer, offset + i * stride, lengthOf(run, i));
    if (!answer) break;
    state.stats.createdUnreachables++;
    state.outputs.queuePacket(undefined, answer, 0, answer.length);
  }
  return drop(state, reason, peer, count);
}

/**
 * Seals as many packets of the run as the session allows, and queues them as datagrams.
 *
 * @returns how many packets were sealed
 */
function sealRun(state: EngineState, peer: Peer, run: PacketRun, now: number): number {
  const keypair = peer.sendKeypair(now);
  if (!keypair) return 0;
  const { count, length } = run;
  const sealed = keypair.countSealable(now, count);
  // The ECN bits are read first, because sealing overwrites the packet.
  const tos = readEcn(run.buffer, run.offset);
  const last = sealTransportRun(keypair, run, sealed, state.mtu);
  const each = messageLengthOf(length, state.mtu);
  state.outputs.transmitRun(peer, tos, run, sealed, each, last);
  recordSent(state, keypair, sealed, (sealed - 1) * each + last, now);
  return sealed;
}

/** Stages copies of the packets from index `first` on, and starts a handshake. */
function stage(
  state: EngineState,
  peer: Peer,
  run: PacketRun,
  first: number,
  now: number,
): DropReason | undefined {
  const { buffer, offset, stride, count } = run;
  reportExpiry(state, peer);
  peer.staged ??= new StagedPackets();
  for (let i = first; i < count; i++) {
    const kept = peer.staged.push(buffer, offset + i * stride, lengthOf(run, i));
    if (!kept) drop(state, 'staged-overflow', peer);
  }
  startHandshake(state, peer, now);
  return peer.unusable ? 'peer-unusable' : undefined;
}

/** Returns the length of packet `index` of a run. */
function lengthOf(run: PacketRun, index: number): number {
  return index === run.count - 1 ? run.lastLength : run.length;
}

function sendAllStaged(
  state: EngineState,
  keypair: Keypair<Peer>,
  staged: StagedPackets,
  now: number,
): void {
  let messages = 0;
  let bytes = 0;
  while (keypair.isUsable(now)) {
    const buffer = staged.shift();
    if (!buffer) break;
    bytes += sendPacket(state, keypair, buffer, STAGED_OFFSET, stagedLengthOf(buffer));
    messages++;
  }
  afterSend(state, keypair, messages, bytes, now);
  dataSent(state, keypair.peer, now);
}

/** Seals one packet and queues it as a datagram. Returns the length of the datagram. */
function sendPacket(
  state: EngineState,
  keypair: Keypair<Peer>,
  buffer: Uint8Array,
  offset: number,
  length: number,
): number {
  const { peer } = keypair;
  const tos = readEcn(buffer, offset);
  const bytes = sealTransportData(keypair, buffer, offset, length, state.mtu);
  if (peer.endpoint) {
    const start = offset - TRANSPORT_HEADER_LENGTH;
    state.outputs.transmit(peer, peer.endpoint, tos, buffer, start, bytes);
  }
  return bytes;
}

/** Records sealed data messages. `finishSent` does the bookkeeping for all recorded messages. */
function recordSent(
  state: EngineState,
  keypair: Keypair<Peer>,
  messages: number,
  bytes: number,
  now: number,
): void {
  const { sent } = state;
  if (sent.keypair !== keypair) {
    finishSent(state, now);
    sent.keypair = keypair;
  }
  sent.messages += messages;
  sent.bytes += bytes;
}

/**
 * Does the bookkeeping for a batch of messages of one keypair. `bytes` is the sum of their lengths.
 */
function afterSend(
  state: EngineState,
  keypair: Keypair<Peer>,
  messages: number,
  bytes: number,
  now: number,
): void {
  const { peer } = keypair;
  const { stats } = state;
  stats.sentMessages += messages;
  stats.sentBytes += bytes;
  peer.sentBytes += bytes;
  peer.sentMessages += messages;
  authenticatedSent(state, peer);
  authenticatedTraversal(state, peer, now);
  keepKeyFresh(state, keypair, now);
}

/**
 * Section 6.2: the initiator renews keys that are old. Both sides renew keys that have sealed many
 * messages.
 */
function keepKeyFresh(state: EngineState, keypair: Keypair<Peer>, now: number): void {
  const aged = keypair.isInitiator && now >= keypair.createdAt + REKEY_AFTER_TIME_MS;
  if (aged || keypair.sendCounter > keypair.limits.rekeyAfterMessages) {
    startHandshake(state, keypair.peer, now);
  }
}

/** A local copy, because V8 would look up the imported constant on each use. */
const MAX_PACKET_LENGTH: number = MAX_MTU;
