/**
 * Puts a checked configuration into effect, on a running engine too.
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
import { abandonHandshake, canReach } from './handshake-send.ts';
import { keyId, parsePublicKey, type PrivateKey } from '../keys.ts';
import { hasTurn } from './initiation-turns.ts';
import { sendKeepalive, sendStaged, wouldInitiate } from './outbound.ts';
import { Peer } from '../peer/peer.ts';
import { endSession, resetPeer } from './session-lifecycle.ts';
import { TIMER } from '../peer/timer-table.ts';
import { authenticatedTraversal } from './timers.ts';
import type { CheckedChange, CheckedPeer } from '../validation.ts';
import { readPresharedKey, readPrivateKey } from '../values.ts';

/** `change`: of `checkConfiguration`, just now. */
export function applyConfiguration(state: EngineState, change: CheckedChange, now: number): void {
  if (change.privateKey !== undefined) setPrivateKey(state, change.privateKey, now);
  if (change.replacePeers) {
    for (const peer of state.peers.values()) removePeer(state, peer);
  }
  change.peers.forEach((peerChange, i) => applyPeer(state, peerChange, change.ids[i], now));
}

/** The link is up: whoever is to be kept alive hears of us at once. */
export function wakePeers(state: EngineState, now: number): void {
  for (const peer of state.peers.values()) wakePeer(state, peer, now);
}

function applyPeer(state: EngineState, change: CheckedPeer, id: string, now: number): void {
  const existing = state.peers.get(id);
  if (change.remove === true) {
    if (existing) removePeer(state, existing);
    return;
  }
  const peer = existing ?? (change.updateOnly === true ? undefined : addPeer(state, change, id));
  if (!peer) return;
  if (change.presharedKey !== undefined) setPresharedKey(peer, change.presharedKey);
  if (change.endpoint !== undefined) {
    peer.endpoint = change.endpoint;
    state.roams.forget(peer);
  }
  if (!existing || change.endpoint !== undefined) state.outputs.news(peer, 'present');
  if (change.replaceAllowedIps === true) state.allowedIps.removeAll(peer);
  for (const { address, prefixLength, remove } of change.allowedIps ?? []) {
    if (remove === true) state.allowedIps.remove(address, prefixLength, peer);
    else state.allowedIps.insert(address, prefixLength, peer);
  }
  const turnedOn = setKeepalive(state, peer, change.persistentKeepalive, now);
  if (!state.up) return;
  const waits = !state.timers.isArmed(peer.slot, TIMER.PERSISTENT_KEEPALIVE);
  if (turnedOn || (change.endpoint !== undefined && waits)) wakePeer(state, peer, now);
  else sendStaged(state, peer, now);
}

/** undefined for our own key: nobody is his own peer. */
function addPeer(state: EngineState, change: CheckedPeer, id: string): Peer | undefined {
  if (state.identity && keyId(state.identity.publicKey) === id) return undefined;
  const slot = state.timers.allocate();
  const peer = new Peer(parsePublicKey(change.publicKey), id, slot, ++state.lastPeerNumber);
  state.peers.set(id, peer);
  state.peersBySlot[slot] = peer;
  state.outputs.trace(peer, 'peer-added');
  return peer;
}

function removePeer(state: EngineState, peer: Peer): void {
  resetPeer(state, peer, 'peer-removed');
  state.allowedIps.removeAll(peer);
  state.peers.delete(peer.id);
  state.peersBySlot[peer.slot] = undefined;
  state.timers.release(peer.slot);
  state.outputs.trace(peer, 'peer-removed');
  state.outputs.news(peer, 'removed');
  peer.handshake?.forgetStaticStatic();
  peer.macs?.clear();
  setPresharedKey(peer, null);
}

/** Applies at the next handshake; the live session has its keys already. */
function setPresharedKey(peer: Peer, presharedKey: CheckedPeer['presharedKey']): void {
  wipe(peer.presharedKey);
  peer.presharedKey = readPresharedKey(presharedKey, 'presharedKey');
}

/** Returns whether it was off and is on now. */
function setKeepalive(
  state: EngineState,
  peer: Peer,
  seconds: number | undefined,
  now: number,
): boolean {
  if (seconds === undefined || seconds === peer.persistentKeepalive) return false;
  const turnedOn = peer.persistentKeepalive === 0;
  peer.persistentKeepalive = seconds;
  if (seconds === 0) state.timers.clear(peer.slot, TIMER.PERSISTENT_KEEPALIVE);
  else if (state.timers.isArmed(peer.slot, TIMER.PERSISTENT_KEEPALIVE)) {
    authenticatedTraversal(state, peer, now);
  }
  return turnedOn;
}

/** Sends what waits, or the first persistent keepalive. */
function wakePeer(state: EngineState, peer: Peer, now: number): void {
  if (peer.persistentKeepalive === 0) sendStaged(state, peer, now);
  else if (
    !canReach(state, peer) ||
    !wouldInitiate(state, peer, now) ||
    hasTurn(state, peer, TIMER.PERSISTENT_KEEPALIVE, now)
  ) {
    sendKeepalive(state, peer, now);
  }
}

/** Section 5.4 stands on the static key: whatever was made with the old one ends with it. */
function setPrivateKey(
  state: EngineState,
  privateKey: CheckedChange['privateKey'],
  now: number,
): void {
  const wanted = readPrivateKey(privateKey, 'privateKey');
  const old = state.identity;
  if (isKeyOf(old, wanted)) {
    wipe(wanted);
    return;
  }
  state.identity = wanted && createStaticIdentity(state.crypto, wanted);
  state.macChecker?.clear();
  state.macChecker =
    state.identity && new MacChecker(state.crypto, state.identity, state.randomBytes);
  if (old) wipeIdentity(old);
  const ourself = state.identity && state.peers.get(keyId(state.identity.publicKey));
  if (ourself) removePeer(state, ourself);
  for (const peer of state.peers.values()) changeIdentity(state, peer);
  wakePeers(state, now);
}

/** What is in flight may still be received; nothing more is sent with the old keys. */
function changeIdentity(state: EngineState, peer: Peer): void {
  abandonHandshake(state, peer);
  peer.handshake?.forgetStaticStatic();
  peer.handshakeSentAt = -Infinity;
  state.timers.clear(peer.slot, TIMER.RETRANSMIT);
  peer.keypairs.stopSending();
  endSession(state, peer);
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
