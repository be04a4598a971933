/**
 * What a capture needs of a running engine: it sets an observer, finds the peer of a packet or a
 * message, and starts new handshakes.
 *
 * @module
 */
import { checkTime } from './arguments.ts';
import { stateOf, type Engine } from './engine.ts';
import type { EngineObserver } from './engine-observer.ts';
import { canReach, startHandshake } from './flow/handshake-send.ts';
import { hasTurn } from './flow/initiation-turns.ts';
import * as lookup from './flow/peer-lookup.ts';
import type { PublicKey } from './keys.ts';
import { TIMER } from './peer/timer-table.ts';

/**
 * Sets the observer of an engine, in place of the previous observer; undefined removes the
 * observer.
 */
export function observe(engine: Engine, observer: EngineObserver | undefined): void {
  stateOf(engine).observer = observer;
}

/**
 * Returns the key of the peer that a packet of the interface would be sent to; undefined if there
 * is none. All packets of a peer give the same object, as long as the peer's key is not replaced.
 */
export function peerOfPacket(
  engine: Engine,
  buffer: Uint8Array,
  offset: number,
  length: number,
): PublicKey | undefined {
  return lookup.peerOfPacket(stateOf(engine), buffer, offset, length)?.publicKey;
}

/**
 * Looks up the receiver index of a received message, and returns the key of the peer that the
 * message seems to be from. The receiver index is not authenticated. Returns undefined for an
 * initiation, and if no session or handshake has this receiver index.
 *
 * @param length the length of the message in bytes
 */
export function peerOfMessage(
  engine: Engine,
  buffer: Uint8Array,
  offset: number,
  length: number,
): PublicKey | undefined {
  if (length < RECEIVER_INDEX_END) return undefined;
  return lookup.peerOfMessage(stateOf(engine), buffer, offset)?.publicKey;
}

/**
 * Starts a new handshake with each peer that can be reached and for which `isWanted` returns true,
 * even if the peer's session is still usable. If there are many peers, the handshakes are spread
 * over time. Poll the outputs afterwards.
 */
export function renewSessions(
  engine: Engine,
  isWanted: (publicKey: PublicKey) => boolean,
  now: number,
): void {
  checkTime(now);
  const state = stateOf(engine);
  for (const peer of state.peers.values()) {
    if (!isWanted(peer.publicKey) || !canReach(state, peer)) continue;
    if (hasTurn(state, peer, TIMER.NEW_HANDSHAKE, now)) startHandshake(state, peer, now);
  }
}

/**
 * The offset in bytes at which the receiver index of a response ends. In other messages, the
 * receiver index ends earlier.
 */
const RECEIVER_INDEX_END = 12;
