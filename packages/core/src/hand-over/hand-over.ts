/**
 * The whole state of an engine as bytes, so that another process can continue with the same
 * sessions.
 *
 * ```
 *   magic (8) | format (f64) | body, from engine-codec.ts | BLAKE2s-256 of all before it (32)
 * ```
 *
 * The times in the state were measured with the clock of `now`, so both processes must use the same
 * clock. The state does not contain handshake messages that wait to be processed, because their
 * senders repeat them. It also does not contain what the rate limiters have counted.
 *
 * @module
 */
import { checkTime } from '../arguments.ts';
import { HASH_LENGTH, REKEY_TIMEOUT_MS } from '../constants.ts';
import { equalBytes } from '../crypto/equal-bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { secretCopy } from '../crypto/secret-bytes.ts';
import { stateOf, type Engine } from '../engine.ts';
import type { EngineState } from '../engine-state.ts';
import { reportUnanswered, startHandshake } from '../flow/handshake-send.ts';
import { forgetSession } from '../flow/session-lifecycle.ts';
import { codeEngine } from './engine-codec.ts';
import { StateReader } from './state-reader.ts';
import { StateWriter } from './state-writer.ts';

/**
 * The number of the format. It is raised whenever the list of the written values changes. A state
 * with another number is refused.
 */
export const STATE_FORMAT = 3;

/**
 * Returns the whole state at `now`. It contains all keys, so the caller must wipe it. The only
 * change to the engine is that it notes the time. Its batch must be finished, and its outputs must
 * have been polled. If another engine continues with this state, this engine must not seal with its
 * sessions again. If this engine is used after all, call `restartSessions` first.
 */
export function saveState(engine: Engine, now: number): Uint8Array {
  checkTime(now);
  const state = stateOf(engine);
  state.timestamps.noteCopy(now);
  const writer = new StateWriter();
  try {
    writer.bytes(MAGIC);
    writer.number(STATE_FORMAT);
    codeEngine(writer, state);
    const hash = new Uint8Array(HASH_LENGTH);
    state.crypto.hash(hash, writer.written);
    writer.bytes(hash);
    return secretCopy(writer.written);
  } finally {
    writer.wipe();
  }
}

/**
 * Makes a new engine continue with a state. The bytes are borrowed for the call.
 *
 * @param engine without a key and without peers; after an error it must not be used
 * @throws {RangeError} the bytes are not a state, are damaged, or have another format
 */
export function restoreState(engine: Engine, bytes: Uint8Array): void {
  const state = stateOf(engine);
  if (state.peers.size > 0 || state.identity) {
    throw new RangeError('"engine" expected a new engine');
  }
  checkState(state.crypto, bytes);
  const reader = new StateReader(bytes.subarray(HEAD_LENGTH, bytes.length - HASH_LENGTH));
  codeEngine(reader, state);
  if (!reader.isAtEnd) throw new RangeError('the state has more bytes than expected');
  // The other process may have been looking up the name of a peer. The result of that lookup is
  // lost.
  for (const peer of state.peers.values()) if (!peer.endpoint) reportUnanswered(state, peer);
}

/**
 * Checks that the bytes are a complete state of this format, without restoring it.
 *
 * @throws {RangeError} as `restoreState` does
 */
export function checkState(crypto: CryptoProvider, bytes: Uint8Array): void {
  if (bytes.length < HEAD_LENGTH + HASH_LENGTH || !equalBytes(bytes.subarray(0, 8), MAGIC)) {
    throw new RangeError('the bytes are not the state of an engine');
  }
  const format = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getFloat64(8, true);
  if (format !== STATE_FORMAT) {
    throw new RangeError(`the state expected format ${STATE_FORMAT}, got ${format}`);
  }
  const hash = new Uint8Array(HASH_LENGTH);
  const end = bytes.length - HASH_LENGTH;
  crypto.hash(hash, bytes.subarray(0, end));
  if (!equalBytes(hash, bytes.subarray(end))) throw new RangeError('the state is damaged');
}

/**
 * Ends all sessions, and starts a handshake with every peer that had one. Called when another
 * process may have used the sessions.
 */
export function restartSessions(engine: Engine, now: number): void {
  checkTime(now);
  const state = stateOf(engine);
  engine.finishBatch(now);
  skipTimestamps(state, now);
  for (const peer of state.peers.values()) {
    const hadSession = peer.keypairs.current !== undefined || peer.keypairs.next !== undefined;
    forgetSession(state, peer);
    peer.handshakeSentAt = -Infinity;
    for (const pair of peer.pairs()) pair.sentAt = -Infinity;
    if (hadSession) startHandshake(state, peer, now);
  }
}

/**
 * Skips the timestamps that the other process may have used. If the clock of that process was
 * behind the last timestamp, each of its initiations used the next timestamp, which is one step
 * later. Each static pair sends at most one initiation per Rekey-Timeout, which limits the number
 * of these initiations.
 */
function skipTimestamps({ timestamps, peers }: EngineState, now: number): void {
  let pairs = 0;
  for (const peer of peers.values()) pairs += [...peer.pairs()].length;
  const rounds = 1 + timestamps.msSinceCopy(now) / REKEY_TIMEOUT_MS;
  timestamps.skip(SKIPPED_TIMESTAMPS + Math.ceil(pairs * rounds), now);
}

/** 'litz', then four bytes that do not occur together in a text. */
const MAGIC: Uint8Array = Uint8Array.of(0x6c, 0x69, 0x74, 0x7a, 0xff, 0x00, 0xfe, 0x01);
const HEAD_LENGTH = 16;
/** A margin of one second: there are 60 different timestamps in a second. */
const SKIPPED_TIMESTAMPS = 60;
