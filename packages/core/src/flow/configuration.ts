/**
 * Puts a checked configuration into effect, on a running engine too.
 *
 * @module
 */
import { wipe } from '../crypto/wipe.ts';
import type { EngineState } from '../engine-state.ts';
import { canReach } from './handshake-send.ts';
import { isOurKey, setNextPrivateKey, setPrivateKey } from './identities.ts';
import { keyId, parsePublicKey } from '../keys.ts';
import { hasTurn } from './initiation-turns.ts';
import { sendKeepalive, sendStaged, wouldInitiate } from './outbound.ts';
import { Peer } from '../peer/peer.ts';
import { dropNextKey, forgetPair, promoteKey, setNextKey } from './peer-keys.ts';
import { startProbes } from './probes.ts';
import { resetPeer } from './session-lifecycle.ts';
import { TIMER } from '../peer/timer-table.ts';
import { authenticatedTraversal } from './timers.ts';
import type { CheckedChange, CheckedPeer } from '../validation.ts';
import { readPresharedKey } from '../values.ts';

/** `change`: of `checkConfiguration`, just now. */
export function applyConfiguration(state: EngineState, change: CheckedChange, now: number): void {
  applyPrivateKeys(state, change, now);
  if (change.replacePeers) {
    for (const peer of state.peers.values()) removePeer(state, peer);
  }
  change.peers.forEach((peerChange, i) => applyPeer(state, peerChange, change.ids[i], now));
  startProbes(state, concernedBy(state, change), now);
}

/** The link is up: whoever is to be kept alive hears of us at once. */
export function wakePeers(state: EngineState, now: number): void {
  for (const peer of state.peers.values()) wakePeer(state, peer, now);
  startProbes(state, state.peers.values(), now);
}

/** Peers that may have to hear of a next identity after this change. */
function* concernedBy(state: EngineState, change: CheckedChange): IterableIterator<Peer> {
  if (change.nextPrivateKey !== undefined) {
    yield* state.peers.values();
    return;
  }
  for (const id of change.ids) {
    const peer = state.peers.get(id);
    if (peer) yield peer;
  }
}

function applyPrivateKeys(state: EngineState, change: CheckedChange, now: number): void {
  const { privateKey, nextPrivateKey } = change;
  const isOther = privateKey !== undefined && setPrivateKey(state, privateKey);
  const isOtherNext = nextPrivateKey !== undefined && setNextPrivateKey(state, nextPrivateKey);
  if (privateKey || nextPrivateKey) removeOurself(state);
  if (isOther || isOtherNext) wakePeers(state, now);
}

function applyPeer(state: EngineState, change: CheckedPeer, id: string, now: number): void {
  const existing = state.peers.get(id);
  if (change.remove === true) {
    if (existing) removeKey(state, existing, id);
    return;
  }
  const addsNone = change.updateOnly === true || change.promotePublicKey === true;
  const peer = existing ?? (addsNone ? undefined : addPeer(state, change, id));
  if (!peer) return;
  applyKeys(state, peer, change, id);
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

/**
 * Whoever names a peer by its next key means that key: it is the peer's name from then on. A next key
 * that is ours or another peer's is none.
 */
function applyKeys(state: EngineState, peer: Peer, change: CheckedPeer, id: string): void {
  if (id === peer.nextId) promoteKey(state, peer);
  const { nextPublicKey } = change;
  if (nextPublicKey === null) dropNextKey(state, peer);
  else if (nextPublicKey && !isTaken(state, peer, keyId(nextPublicKey))) {
    setNextKey(state, peer, nextPublicKey);
  }
  if (change.promotePublicKey === true) promoteKey(state, peer);
}

function isTaken(state: EngineState, peer: Peer, id: string): boolean {
  return isOurKey(state, id) || (state.peers.get(id) ?? peer) !== peer;
}

/** By its next key a peer loses that alone. */
function removeKey(state: EngineState, peer: Peer, id: string): void {
  if (id === peer.nextId) dropNextKey(state, peer);
  else removePeer(state, peer);
}

/** A peer whose key became ours goes, and so does a next key. */
function removeOurself(state: EngineState): void {
  for (const identity of [state.identity, state.nextIdentity]) {
    const id = identity && keyId(identity.publicKey);
    const ourself = id !== undefined && state.peers.get(id);
    if (ourself) removeKey(state, ourself, id);
  }
}

/** undefined for our own key: nobody is his own peer. */
function addPeer(state: EngineState, change: CheckedPeer, id: string): Peer | undefined {
  if (isOurKey(state, id)) return undefined;
  const slot = state.timers.allocate();
  const peer = new Peer(parsePublicKey(change.publicKey), id, slot, ++state.lastPeerNumber);
  state.peers.add(peer);
  state.peersBySlot[slot] = peer;
  state.outputs.trace(peer, 'peer-added');
  return peer;
}

function removePeer(state: EngineState, peer: Peer): void {
  resetPeer(state, peer, 'peer-removed');
  state.allowedIps.removeAll(peer);
  state.peers.delete(peer);
  state.peersBySlot[peer.slot] = undefined;
  state.timers.release(peer.slot);
  state.outputs.trace(peer, 'peer-removed');
  state.outputs.news(peer, 'removed');
  for (const pair of peer.pairs()) forgetPair(state, pair);
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
