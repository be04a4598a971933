/**
 * Applies a checked configuration change to an engine, in steps. The engine may be in use, also
 * between two steps. So packets may find a change that is partly applied: some of the peers, or
 * some of the prefixes of one peer. wireguard-go does this too: it applies a change line by line.
 *
 * @module
 */
import { wipe } from '../crypto/wipe.ts';
import type { EngineState } from '../engine-state.ts';
import { canReach, reportUnanswered } from './handshake-send.ts';
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
import { runSteps, type Steps } from '../steps.ts';
import type { CheckedChange, PeerToApply } from '../validation.ts';
import { readPresharedKey } from '../values.ts';

/**
 * Applies a change that was checked immediately before the first step. Until the last step, no
 * other change may begin.
 *
 * @param now called in each step; returns the time
 */
export function* applyConfiguration(
  state: EngineState,
  change: CheckedChange,
  now: () => number,
): Steps {
  applyPrivateKeys(state, change, now());
  yield;
  if (change.replacePeers) {
    for (const peer of state.peers.values()) yield* removePeer(state, peer);
  }
  for (const peer of change.peers) yield* applyPeer(state, peer, now);
  startProbes(state, peersToProbe(state, change), now());
}

/**
 * Called when the link goes up, and when a change of our keys may have ended sessions. Sends staged
 * packets, and the first persistent keepalive to every peer that has one configured. Starts probes
 * if there is a next identity.
 */
export function contactPeers(state: EngineState, now: number): void {
  for (const peer of state.peers.values()) contactPeer(state, peer, now);
  startProbes(state, state.peers.values(), now);
}

/** Returns the peers that may need a probe from our next identity after this change. */
function* peersToProbe(state: EngineState, change: CheckedChange): IterableIterator<Peer> {
  if (change.nextPrivateKey !== undefined) {
    yield* state.peers.values();
    return;
  }
  for (const { publicKey } of change.peers) {
    const peer = state.peers.get(keyId(publicKey));
    if (peer) yield peer;
  }
}

function applyPrivateKeys(state: EngineState, change: CheckedChange, now: number): void {
  const { privateKey, nextPrivateKey } = change;
  const isOther = privateKey !== undefined && setPrivateKey(state, privateKey);
  const isOtherNext = nextPrivateKey !== undefined && setNextPrivateKey(state, nextPrivateKey);
  if (privateKey || nextPrivateKey) removeOurself(state);
  if (isOther || isOtherNext) contactPeers(state, now);
}

function* applyPeer(state: EngineState, change: PeerToApply, now: () => number): Steps {
  const id = keyId(change.publicKey);
  const existing = state.peers.get(id);
  if (change.remove === true) {
    if (existing) yield* removeKey(state, existing, id);
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
  if (change.endpointName !== undefined) setEndpointName(state, peer, change.endpointName);
  if (!existing || change.endpoint !== undefined) state.outputs.emitPeerEvent(peer, 'updated');
  yield* applyAllowedIps(state, peer, change);
  yield;
  const time = now();
  const turnedOn = setKeepalive(state, peer, change.persistentKeepalive, time);
  if (!state.up) return;
  const waits = !state.timers.isArmed(peer.slot, TIMER.PERSISTENT_KEEPALIVE);
  if (turnedOn || (change.endpoint !== undefined && waits)) contactPeer(state, peer, time);
  else sendStaged(state, peer, time);
}

function* applyAllowedIps(
  { allowedIps: table }: EngineState,
  peer: Peer,
  { replaceAllowedIps, allowedIps = [] }: PeerToApply,
): Steps {
  if (replaceAllowedIps === true) {
    yield* table.replaceInSteps(peer, allowedIps);
    return;
  }
  for (const { address, prefixLength, remove } of allowedIps) {
    if (remove === true) table.remove(address, prefixLength, peer);
    else table.insert(address, prefixLength, peer);
    yield;
  }
}

/**
 * Updates the keys of a peer. If the change names the peer by its next key, that key becomes the
 * peer's only key. A `nextPublicKey` that is one of our own keys, or belongs to another peer, is
 * ignored.
 */
function applyKeys(state: EngineState, peer: Peer, change: PeerToApply, id: string): void {
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

/**
 * If the change named the peer by its next key, removes only that key. If the change named the peer
 * by its current key, removes the peer.
 */
function* removeKey(state: EngineState, peer: Peer, id: string): Steps {
  if (id === peer.nextId) dropNextKey(state, peer);
  else yield* removePeer(state, peer);
}

/**
 * Removes a peer whose public key is now one of our own. If only the next key of the peer is one of
 * our own, removes only that key.
 */
function removeOurself(state: EngineState): void {
  for (const identity of [state.identity, state.nextIdentity]) {
    const id = identity && keyId(identity.publicKey);
    const ourself = id !== undefined && state.peers.get(id);
    if (ourself) runSteps(removeKey(state, ourself, id));
  }
}

/**
 * Adds a peer. Returns undefined for one of our own keys, because a device cannot be its own peer.
 */
function addPeer(state: EngineState, change: PeerToApply, id: string): Peer | undefined {
  if (isOurKey(state, id)) return undefined;
  const slot = state.timers.allocate();
  const peer = new Peer(parsePublicKey(change.publicKey), id, slot, ++state.lastPeerNumber);
  state.peers.add(peer);
  state.peersBySlot[slot] = peer;
  state.outputs.trace(peer, 'peer-added');
  return peer;
}

function* removePeer(state: EngineState, peer: Peer): Steps {
  // The prefixes go first, because a packet must not start a handshake with a peer that is being
  // removed.
  yield* state.allowedIps.removeAllInSteps(peer);
  resetPeer(state, peer, 'peer-removed');
  state.peers.delete(peer);
  state.peersBySlot[peer.slot] = undefined;
  state.timers.release(peer.slot);
  state.outputs.trace(peer, 'peer-removed');
  state.outputs.emitPeerEvent(peer, 'removed');
  for (const pair of peer.pairs()) forgetPair(state, pair);
  setPresharedKey(peer, null);
}

/** The key applies from the next handshake on. The current session already has its keys. */
function setPresharedKey(peer: Peer, presharedKey: PeerToApply['presharedKey']): void {
  wipe(peer.presharedKey);
  peer.presharedKey = readPresharedKey(presharedKey, 'presharedKey');
}

/** If the peer has no endpoint, asks the caller to look up the name at once. */
function setEndpointName(state: EngineState, peer: Peer, name: string): void {
  peer.endpointName = name;
  if (!peer.endpoint) reportUnanswered(state, peer);
}

/** Sets the persistent keepalive interval. Returns whether it was off before and is on now. */
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

/**
 * Sends the staged packets, or the first persistent keepalive. If the keepalive needs a handshake,
 * the handshake waits for the peer's turn.
 */
function contactPeer(state: EngineState, peer: Peer, now: number): void {
  if (peer.persistentKeepalive === 0) sendStaged(state, peer, now);
  else if (
    !canReach(state, peer) ||
    !wouldInitiate(state, peer, now) ||
    hasTurn(state, peer, TIMER.PERSISTENT_KEEPALIVE, now)
  ) {
    sendKeepalive(state, peer, now);
  }
}
