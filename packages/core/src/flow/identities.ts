/**
 * Our own keys: one identity, or two while the one is being replaced by the other.
 *
 * Set to another one, the private key ends whatever was made with the old one. Set to the next one, it
 * ends nothing: the peers know the next identity by then, and the sessions stay.
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
import { endSession } from './session-lifecycle.ts';
import type { CheckedChange } from '../validation.ts';
import { readPrivateKey } from '../values.ts';

/** @returns whether anything ended with the old key */
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
 * Sets or takes away the identity that ours goes over to. Whatever was made with the one before ends
 * with it. Our own key is no next one.
 *
 * @returns whether anything ended
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

/** Whether it is a key of ours. */
export function isOurKey({ identity, nextIdentity }: EngineState, id: string): boolean {
  if (identity && keyId(identity.publicKey) === id) return true;
  return nextIdentity !== undefined && keyId(nextIdentity.publicKey) === id;
}

/** The old identity goes, all sessions stay. */
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

/** Section 5.4 stands on the static key: whatever was made with the old one ends with it. */
function forgetIdentity(state: EngineState, old: StaticIdentity): void {
  for (const peer of state.peers.values()) endWith(state, peer, old);
  wipeIdentity(old);
}

/** What is in flight may still be received; nothing more is sent with the old keys. */
function endWith(state: EngineState, peer: Peer, old: StaticIdentity): void {
  if (peer.pair?.identity === old) {
    peer.handshakeSentAt = -Infinity;
    state.timers.clear(peer.slot, TIMER.RETRANSMIT);
  }
  forgetOldPairs(state, peer);
  peer.keypairs.stopSending(old.publicKey);
  if (peer.keypairs.current?.canSend !== true) endSession(state, peer);
}

function checkerOf(
  state: EngineState,
  identity: StaticIdentity | undefined,
): MacChecker | undefined {
  return identity && new MacChecker(state.crypto, identity, state.randomBytes);
}

/** Whether it is the same key, or none as before. */
function isKeyOf(identity: StaticIdentity | undefined, wanted: PrivateKey | undefined): boolean {
  if (!identity || !wanted) return !identity && !wanted;
  const current = copyPrivateKey(identity);
  try {
    return equalBytes(current, wanted);
  } finally {
    wipe(current);
  }
}
