/**
 * Processes datagrams from the network, section 3 of the WireGuard paper:
 *
 * 1. Check type, reserved bits and length, and that the link is up. Handshake messages are queued
 *    by `handshake-work.ts`.
 * 2. Find the keypair by receiver index. Check that it has not expired and that the counter is
 *    below the limit. Open the message in place. Check the replay window.
 * 3. Once per batch, update the endpoint, timers and counters, confirm a session, renew keys
 *    (`finishReceived`).
 * 4. A keepalive needs no further step. For other messages, check the version and length of the
 *    packet and cut off the padding.
 * 5. The allowed IPs of the device must map the packet's source address to this peer.
 * 6. Combine the ECN bits of the datagram and of the packet. The packet is ready for the interface.
 *
 * The functions below follow this order. Before step 2 has succeeded, nothing of the peer changes
 * except its count of drops.
 *
 * @module
 */
import {
  MESSAGE_TYPE,
  REKEY_AFTER_TIME_RECEIVING_MS,
  TRANSPORT_HEADER_LENGTH,
  TRANSPORT_OVERHEAD,
} from '../constants.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Endpoint } from '../endpoint.ts';
import { drop, type EngineState } from '../engine-state.ts';
import { startHandshake } from './handshake-send.ts';
import { readEcn, readTotalLength, IPV4_SOURCE, IPV6_SOURCE, setEcn } from '../wire/ip-packet.ts';
import type { Keypair } from '../peer/keypairs.ts';
import { sendStaged } from './outbound.ts';
import type { Peer } from '../peer/peer.ts';
import { queueHandshakeMessage } from './handshake-work.ts';
import { completeHandshake, updateEndpoint } from './session-lifecycle.ts';
import { authenticatedReceived, authenticatedTraversal, dataReceived } from './timers.ts';
import { openTransportData, receiverIndexOf } from '../wire/transport-data.ts';

/**
 * Does all steps for one datagram, except step 3, which `finishReceived` does later. The datagram
 * is opened in place.
 *
 * @returns the length of the packet for the interface, which begins at `offset + 16`; 0 if there is
 *   none; or why the datagram was dropped
 */
// oxlint-disable-next-line max-params -- called per packet: an object would be garbage
export function receiveDatagram(
  state: EngineState,
  buffer: Uint8Array,
  offset: number,
  length: number,
  source: Endpoint,
  outerEcn: number,
  now: number,
): number | DropReason {
  if (!state.up) return drop(state, 'link-down');
  if (length < MESSAGE_HEADER) return drop(state, 'too-short');
  if ((buffer[offset + 1] | buffer[offset + 2] | buffer[offset + 3]) !== 0) {
    return drop(state, 'reserved-bits-set');
  }
  if (buffer[offset] !== MESSAGE_TYPE.TRANSPORT_DATA) {
    return queueHandshakeMessage(state, buffer, offset, length, source, now);
  }
  const opened = openTransportData(state.indices, buffer, offset, length, now);
  if (typeof opened === 'string') return dropTransportData(state, opened, buffer, offset);
  const isData = length > TRANSPORT_OVERHEAD;
  recordReceived(state, opened, source, length, isData, now);
  if (!isData) {
    state.stats.receivedKeepalives++;
    return 0;
  }
  const packet = offset + TRANSPORT_HEADER_LENGTH;
  return acceptPacket(state, opened.peer, buffer, packet, length - TRANSPORT_OVERHEAD, outerEcn);
}

/** Does the bookkeeping for the messages recorded in this batch. Call it at the end of a batch. */
export function finishReceived(state: EngineState, now: number): void {
  const { received } = state;
  const { keypair, source, messages, bytes, hasData } = received;
  if (!keypair || !source) return;
  received.keypair = undefined;
  received.source = undefined;
  received.messages = 0;
  received.bytes = 0;
  received.hasData = false;
  afterReceive(state, keypair, source, messages, bytes, hasData, now);
}

/**
 * Counts a dropped transport message. Also counts it for the peer if the receiver index belongs to
 * a session.
 */
function dropTransportData(
  state: EngineState,
  reason: DropReason,
  buffer: Uint8Array,
  offset: number,
): DropReason {
  if (reason === 'wrong-length' || reason === 'unknown-index') return drop(state, reason);
  return drop(state, reason, state.indices.keypair(receiverIndexOf(buffer, offset))?.peer);
}

/**
 * Records an authenticated message. `finishReceived` does the bookkeeping for all recorded
 * messages.
 */
// oxlint-disable-next-line max-params -- called per packet: an object would be garbage
function recordReceived(
  state: EngineState,
  keypair: Keypair<Peer>,
  source: Endpoint,
  bytes: number,
  isData: boolean,
  now: number,
): void {
  const { received } = state;
  if (received.keypair !== keypair || received.source !== source) {
    finishReceived(state, now);
    received.keypair = keypair;
    received.source = source;
  }
  received.messages++;
  received.bytes += bytes;
  received.hasData ||= isData;
}

/**
 * Does the bookkeeping for a batch of messages that were authenticated with one keypair.
 *
 * @param source where all these messages came from
 * @param messages how many messages there were
 * @param bytes the sum of their lengths
 * @param hasData whether at least one of them was not a keepalive
 */
// oxlint-disable-next-line max-params -- called per packet: an object would be garbage
function afterReceive(
  state: EngineState,
  keypair: Keypair<Peer>,
  source: Endpoint,
  messages: number,
  bytes: number,
  hasData: boolean,
  now: number,
): void {
  const { peer } = keypair;
  updateEndpoint(state, peer, source, now);
  if (peer.keypairs.confirm(keypair, state.indices)) {
    completeHandshake(state, peer, 'responder', now);
    sendStaged(state, peer, now);
  }
  keepKeyFresh(state, peer, now);
  authenticatedReceived(state, peer);
  authenticatedTraversal(state, peer, now);
  if (hasData) dataReceived(state, peer, now);
  peer.receivedBytes += bytes;
  peer.receivedMessages += messages;
  state.stats.receivedBytes += bytes;
  state.stats.receivedMessages += messages;
}

/**
 * Section 6.2: the initiator renews the keys before the session expires, even if it only receives.
 * It does so once per session.
 */
function keepKeyFresh(state: EngineState, peer: Peer, now: number): void {
  if (peer.sentLastMinuteHandshake) return;
  const { current } = peer.keypairs;
  if (!current?.canSend || !current.isInitiator) return;
  if (now < current.createdAt + REKEY_AFTER_TIME_RECEIVING_MS) return;
  peer.sentLastMinuteHandshake = true;
  startHandshake(state, peer, now);
}

/**
 * Checks an opened packet and sets its ECN bits as RFC 6040 requires. `length` includes the
 * padding.
 *
 * @returns the length of the packet without padding, or why it was dropped
 */
// oxlint-disable-next-line max-params -- called per packet: an object would be garbage
function acceptPacket(
  state: EngineState,
  peer: Peer,
  buffer: Uint8Array,
  offset: number,
  length: number,
  outerEcn: number,
): number | DropReason {
  const total = readTotalLength(buffer, offset, length);
  if (total === 0) return drop(state, 'malformed-packet', peer);
  const isIPv4 = buffer[offset] >>> 4 === 4;
  const owner = isIPv4
    ? state.allowedIps.lookup(buffer, offset + IPV4_SOURCE, 4)
    : state.allowedIps.lookup(buffer, offset + IPV6_SOURCE, 16);
  if (owner !== peer) return drop(state, 'disallowed-source', peer);
  if ((outerEcn & ECN_MASK) !== 0) combineEcn(buffer, offset, outerEcn & ECN_MASK);
  return total;
}

/**
 * Combines ECN bits as in RFC 6040 section 4.2, with one difference: if the packet is not
 * ECN-capable and the datagram carries CE, the packet is delivered unchanged, as the kernel does.
 * The RFC requires that this packet is dropped.
 */
function combineEcn(buffer: Uint8Array, offset: number, outer: number): void {
  const inner = readEcn(buffer, offset);
  if (inner === NOT_ECT || inner === CE) return;
  if (outer === CE || (outer === ECT_1 && inner === ECT_0)) setEcn(buffer, offset, outer);
}

const MESSAGE_HEADER = 4;
const ECN_MASK = 0b11;
const NOT_ECT = 0b00;
const ECT_1 = 0b01;
const ECT_0 = 0b10;
const CE = 0b11;
