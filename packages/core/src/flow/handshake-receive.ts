/**
 * Processes the handshake messages that we receive, sections 5.3 and 5.4 of the WireGuard paper:
 *
 * 1. Check mac1 before any other work. While we have two identities, mac1 shows which of them the
 *    message is for.
 * 2. Under load, check mac2. If mac2 is missing or wrong, send a cookie reply. If mac2 is right,
 *    apply the rate limit of the source.
 * 3. Answer an initiation with a response. Turn a response into a session. Keep the cookie of a
 *    cookie reply for the next mac2.
 *
 * `handshake-work.ts` checks type and length, and decides when a message is processed. The
 * functions here count the price of each step in the budgets.
 *
 * @module
 */
import { COOKIE_REPLY_LENGTH, HANDSHAKE_TOS, MESSAGE_TYPE } from '../constants.ts';
import type { MacChecker } from '../cookie/macs.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Endpoint } from '../endpoint.ts';
import { drop, type EngineState } from '../engine-state.ts';
import type { Handshake } from '../handshake/handshake.ts';
import {
  consumeInitiation,
  forgetInitiation,
  openInitiationStatic,
} from '../handshake/initiation.ts';
import { consumeResponse } from '../handshake/response.ts';
import type { StaticIdentity } from '../handshake/static-identity.ts';
import { ensureUsable, handshakeOf, sendResponse } from './handshake-send.ts';
import { keyId } from '../keys.ts';
import { sendKeepalive } from './outbound.ts';
import type { Keypair } from '../peer/keypairs.ts';
import type { Peer } from '../peer/peer.ts';
import type { StaticPair } from '../peer/static-pair.ts';
import { reviewProbe } from './probes.ts';
import { readInt32 } from '../wire/int32.ts';
import { beginSession, completeHandshake, updateEndpoint } from './session-lifecycle.ts';
import { noteInitiation, pairOf, pairOfSession } from './static-pairs.ts';
import { authenticatedReceived, authenticatedTraversal } from './timers.ts';

/**
 * Processes one handshake message.
 *
 * @param message an initiation, a response or a cookie reply of the right length; borrowed for the
 *   call
 * @returns why the message was dropped; undefined if it was accepted
 */
export function receiveHandshakeMessage(
  state: EngineState,
  message: Uint8Array,
  source: Endpoint,
  now: number,
): DropReason | undefined {
  switch (message[0]) {
    case MESSAGE_TYPE.HANDSHAKE_INITIATION:
      return receiveChecked(state, message, source, now, receiveInitiation);
    case MESSAGE_TYPE.HANDSHAKE_RESPONSE:
      return receiveChecked(state, message, source, now, receiveResponse);
    default:
      return receiveCookieReply(state, message, now);
  }
}

type Receive = (
  state: EngineState,
  identity: StaticIdentity,
  message: Uint8Array,
  source: Endpoint,
  now: number,
) => DropReason | undefined;

/** Checks the macs and the load first, because initiations and responses cost X25519 operations. */
function receiveChecked(
  state: EngineState,
  message: Uint8Array,
  source: Endpoint,
  now: number,
  receive: Receive,
): DropReason | undefined {
  const { handshakes } = state;
  if (!state.macChecker) return drop(state, 'no-private-key');
  const macChecker = addresseeOf(state, state.macChecker, message, now);
  if (!macChecker) return drop(state, 'bad-mac1');
  if (state.load.note(now)) {
    handshakes.screening.spend(PRICE_MS.MAC, now);
    if (!macChecker.checkMac2(message, source, now)) {
      sendCookieReply(state, macChecker, message, source, now);
      return drop(state, 'under-load');
    }
    if (!state.rateLimiter.allow(source, now)) return drop(state, 'rate-limited');
  }
  const reason = receive(state, macChecker.identity, message, source, now);
  handshakes.answering.spend(reason ? PRICE_MS.DROPPED : PRICE_MS.HANDSHAKE, now);
  return reason;
}

/**
 * Returns the checker of the identity that the message is for; undefined if the mac1 of the message
 * fits none of our identities. A second mac1 is computed only while there are two identities.
 */
function addresseeOf(
  state: EngineState,
  macChecker: MacChecker,
  message: Uint8Array,
  now: number,
): MacChecker | undefined {
  const { nextMacChecker, handshakes } = state;
  handshakes.screening.spend(PRICE_MS.MAC, now);
  if (macChecker.checkMac1(message)) return macChecker;
  if (!nextMacChecker) return undefined;
  handshakes.screening.spend(PRICE_MS.MAC, now);
  return nextMacChecker.checkMac1(message) ? nextMacChecker : undefined;
}

function sendCookieReply(
  state: EngineState,
  macChecker: MacChecker,
  message: Uint8Array,
  source: Endpoint,
  now: number,
): void {
  state.handshakes.screening.spend(PRICE_MS.COOKIE, now);
  const reply = state.handshakeMessages.take(COOKIE_REPLY_LENGTH);
  macChecker.createCookieReply(message, source, now, reply);
  state.stats.sentCookieReplies++;
  state.stats.sentBytes += reply.length;
  state.outputs.transmit(undefined, source, HANDSHAKE_TOS, reply, 0, reply.length);
}

function receiveInitiation(
  state: EngineState,
  identity: StaticIdentity,
  message: Uint8Array,
  source: Endpoint,
  now: number,
): DropReason | undefined {
  const opened = openInitiationStatic(state.crypto, identity, message);
  if (!opened) return drop(state, 'invalid-handshake');
  const id = keyId(opened.peerPublicKey);
  const peer = state.peers.get(id);
  state.handshakes.lastInitiator = peer;
  if (!peer) {
    forgetInitiation(opened);
    return drop(state, 'unknown-peer');
  }
  const remoteKey = id === peer.nextId && peer.nextKey ? peer.nextKey : peer.publicKey;
  const pair = pairOf(peer, identity, remoteKey);
  if (!ensureUsable(state, pair)) {
    forgetInitiation(opened);
    return drop(state, 'invalid-handshake', peer);
  }
  const handshake = answeringHandshake(pair);
  const reason = consumeInitiation(state.crypto, identity, opened, handshake, now);
  if (reason) return drop(state, reason, peer);
  state.outputs.trace(peer, 'initiation-received');
  noteInitiation(state, pair);
  updateEndpoint(state, peer, source, now);
  if (sendResponse(state, pair, handshake, now)) {
    beginSession(state, pair, handshake, 'responder', now);
  } else handshake.clear();
  reviewProbe(state, peer, now);
  afterHandshakeMessage(state, peer, message.length, now);
  return undefined;
}

/**
 * Returns the handshake that an initiation is answered with. If an initiation of ours is in flight,
 * this is a second object. The first object keeps the state of our initiation, so we can still
 * accept the response to our initiation. When both sides initiate at once, at least one response
 * then gets through, and neither side waits for Rekey-Timeout. The paper has one state for both
 * roles (section 5.4). If there were only one state, each side would drop the response of the other
 * side.
 */
function answeringHandshake(pair: StaticPair<Peer>): Handshake {
  const own = handshakeOf(pair);
  return own.state === 'initiation-created' ? own.createSecond() : own;
}

function receiveResponse(
  state: EngineState,
  _identity: StaticIdentity,
  message: Uint8Array,
  source: Endpoint,
  now: number,
): DropReason | undefined {
  const pair = state.indices.handshake(readInt32(message, RESPONSE_RECEIVER_INDEX));
  if (!pair) return drop(state, 'unknown-index');
  const { peer, identity } = pair;
  const reason = consumeResponse(state.crypto, identity, handshakeOf(pair), message);
  if (reason) return drop(state, reason, peer);
  state.outputs.trace(peer, 'response-received');
  updateEndpoint(state, peer, source, now);
  beginSession(state, pair, handshakeOf(pair), 'initiator', now);
  completeHandshake(state, peer, 'initiator', now);
  // Sends the staged packets, or else a keepalive. The first message confirms the session to the
  // responder.
  sendKeepalive(state, peer, now);
  afterHandshakeMessage(state, peer, message.length, now);
  return undefined;
}

/**
 * Section 5.4.7: keeps the cookie for the next message. A cookie reply triggers no message and does
 * not change the endpoint.
 */
function receiveCookieReply(
  state: EngineState,
  message: Uint8Array,
  now: number,
): DropReason | undefined {
  const index = readInt32(message, COOKIE_RECEIVER_INDEX);
  const pair = state.indices.handshake(index) ?? pairOfResponse(state.indices.keypair(index));
  if (!pair) return drop(state, 'unknown-index');
  const { peer, macs } = pair;
  state.handshakes.screening.spend(PRICE_MS.COOKIE, now);
  const reason = macs ? macs.consumeCookieReply(state.crypto, message, now) : 'unexpected-cookie';
  if (reason) return drop(state, reason, peer);
  state.outputs.trace(peer, 'cookie-received');
  peer.receivedBytes += message.length;
  state.stats.receivedBytes += message.length;
  return undefined;
}

/** Finds the pair for a cookie reply that answers a response of ours, not an initiation. */
function pairOfResponse(keypair: Keypair<Peer> | undefined): StaticPair<Peer> | undefined {
  return keypair && pairOfSession(keypair);
}

function afterHandshakeMessage(state: EngineState, peer: Peer, bytes: number, now: number): void {
  peer.receivedBytes += bytes;
  state.stats.receivedBytes += bytes;
  authenticatedReceived(state, peer);
  authenticatedTraversal(state, peer, now);
}

/** Approximate CPU time of each step with OpenSSL and WebAssembly, in milliseconds. */
const PRICE_MS = {
  MAC: 0.002,
  COOKIE: 0.015,
  /** A dropped message has usually cost one X25519 operation. */
  DROPPED: 0.06,
  HANDSHAKE: 0.2,
} as const;

/** Offset in bytes of msg.receiver in a handshake response. */
export const RESPONSE_RECEIVER_INDEX = 8;
/** Offset in bytes of msg.receiver in a cookie reply. */
export const COOKIE_RECEIVER_INDEX = 4;
