/**
 * Sets and replaces our own static keys. There is one identity, or two while one replaces the
 * other.
 *
 * If the private key is set to a new key, all sessions of the old key stop sending. If the private
 * key is set to the next key, all sessions stay. This is the planned way to replace a key.
 *
 * @module
 */
import { MacChecker } from '../cookie/macs.ts';
import { equalBytes } from '../crypto/equal-bytes.ts';
import { wipe } from '../crypto/wipe.ts';
import type { EngineState } from '../engine-state.ts';
import {
  copyPrivateKey,
  createStaticIdentity,
  wipeIdentity,
  type StaticIdentity,
} from '../handshake/static-identity.ts';
import { keyId, type PrivateKey } from '../keys.ts';
import { forgetOldPairs } from './peer-keys.ts';
import type { Peer } from '../peer/peer.ts';
import { TIMER } from '../peer/timer-table.ts';
import { reportExpiry } from './session-lifecycle.ts';
import type { CheckedChange } from '../validation.ts';
import { readPrivateKey } from '../values.ts';

/**
 * Sets, replaces or removes our private key.
 *
 * @returns true if the key changed and sessions were not kept; false if it is the same key, or if
 *   the next identity became the current one
 */
export function setPrivateKey(
  state: EngineState,
  privateKey: CheckedChange['privateKey'],
): boolean {
  const wanted = readPrivateKey(privateKey, 'privateKey');
  const old = state.identity;
  if (isKeyOf(old, wanted)) {
    wipe(wanted);
    return false;
  }
  if (wanted && isKeyOf(state.nextIdentity, wanted)) {
    wipe(wanted);
    promoteIdentity(state);
    return false;
  }
  state.identity = wanted && createStaticIdentity(state.crypto, wanted);
  state.macChecker?.clear();
  state.macChecker = checkerOf(state, state.identity);
  if (!state.identity) setNextIdentity(state, undefined);
  if (old) forgetIdentity(state, old);
  return true;
}

/**
 * Sets or removes the next identity, which will replace the current one. Sessions that were made
 * with the previous next identity stop sending. If the key is our current key, the next identity is
 * removed.
 *
 * @returns whether there was another next identity before, so that sessions may have stopped
 *   sending
 */
export function setNextPrivateKey(
  state: EngineState,
  privateKey: CheckedChange['nextPrivateKey'],
): boolean {
  const wanted = readPrivateKey(privateKey, 'nextPrivateKey');
  const old = state.nextIdentity;
  if (isKeyOf(old, wanted)) {
    wipe(wanted);
    return false;
  }
  const isOurs = wanted !== undefined && isKeyOf(state.identity, wanted);
  if (isOurs) wipe(wanted);
  setNextIdentity(state, isOurs ? undefined : wanted && createStaticIdentity(state.crypto, wanted));
  return old !== undefined;
}

/** Returns whether `id` is the `keyId` of one of our own public keys. */
export function isOurKey({ identity, nextIdentity }: EngineState, id: string): boolean {
  if (identity && keyId(identity.publicKey) === id) return true;
  return nextIdentity !== undefined && keyId(nextIdentity.publicKey) === id;
}

/** Makes the next identity the current one. The old identity is wiped; all sessions stay. */
function promoteIdentity(state: EngineState): void {
  const { identity: old, macChecker, nextIdentity, nextMacChecker } = state;
  state.identity = nextIdentity;
  state.macChecker = nextMacChecker;
  state.nextIdentity = undefined;
  state.nextMacChecker = undefined;
  macChecker?.clear();
  for (const peer of state.peers.values()) {
    forgetOldPairs(state, peer);
    state.timers.clear(peer.slot, TIMER.PROBE);
  }
  if (old) wipeIdentity(old);
}

function setNextIdentity(state: EngineState, identity: StaticIdentity | undefined): void {
  const old = state.nextIdentity;
  state.nextMacChecker?.clear();
  state.nextIdentity = identity;
  state.nextMacChecker = checkerOf(state, identity);
  if (!old) return;
  for (const { slot } of state.peers.values()) state.timers.clear(slot, TIMER.PROBE);
  forgetIdentity(state, old);
}

/**
 * Wipes an identity. Stops sending with all sessions that were made with this identity, because
 * these sessions depend on its static key (section 5.4 of the WireGuard paper).
 */
function forgetIdentity(state: EngineState, old: StaticIdentity): void {
  for (const peer of state.peers.values()) endWith(state, peer, old);
  wipeIdentity(old);
}

/** Stops sending with sessions of the old identity. Messages in flight can still be received. */
function endWith(state: EngineState, peer: Peer, old: StaticIdentity): void {
  if (peer.pair?.identity === old) {
    peer.handshakeSentAt = -Infinity;
    state.timers.clear(peer.slot, TIMER.RETRANSMIT);
  }
  forgetOldPairs(state, peer);
  peer.keypairs.stopSending(old.publicKey);
  if (peer.keypairs.current?.canSend !== true) reportExpiry(state, peer);
}

function checkerOf(
  state: EngineState,
  identity: StaticIdentity | undefined,
): MacChecker | undefined {
  return identity && new MacChecker(state.crypto, identity, state.randomBytes);
}

/** Returns whether both are the same key, or both are absent. */
function isKeyOf(identity: StaticIdentity | undefined, wanted: PrivateKey | undefined): boolean {
  if (!identity || !wanted) return !identity && !wanted;
  const current = copyPrivateKey(identity);
  try {
    return equalBytes(current, wanted);
  } finally {
    wipe(current);
  }
}
