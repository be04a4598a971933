/**
 * `codePeer`: writes or reads a peer as a part of a handed-over state.
 *
 * @module
 */
import type { EngineState } from '../engine-state.ts';
import { keyId, PresharedKey, PublicKey } from '../keys.ts';
import { Peer } from '../peer/peer.ts';
import { StagedPackets } from '../peer/staged-packets.ts';
import { TIMER } from '../peer/timer-table.ts';
import { fromByteText, toByteText } from '../text/byte-text.ts';
import { codeEndpoint } from './endpoint-codec.ts';
import { codePairs } from './pair-codec.ts';
import { codeSessions } from './session-codec.ts';
import type { StateCodec } from './state-codec.ts';

/**
 * Writes or reads one peer with everything that belongs to it. Our own keys must have been written
 * or read before.
 *
 * @param existing undefined when the state is read: then the peer is added
 */
export function codePeer(codec: StateCodec, state: EngineState, existing: Peer | undefined): void {
  const publicKey = existing?.publicKey ?? new PublicKey();
  codec.bytes(publicKey);
  const peer = existing ?? addPeer(state, publicKey);
  codeKeys(codec, state, peer);
  peer.endpoint = codeEndpoint(codec, peer.endpoint);
  // `codec.text` allows only characters up to U+00FF, so the name is written as its UTF-8 bytes.
  peer.endpointName = fromByteText(codec.text(toByteText(peer.endpointName))) ?? '';
  peer.persistentKeepalive = codec.number(peer.persistentKeepalive);
  codeAllowedIps(codec, state, peer);
  codePairs(codec, state, peer);
  codeSessions(codec, state, peer);
  codeProgress(codec, peer);
  codeTimers(codec, state, peer);
  codeStaged(codec, peer);
  peer.codeDrops(codec);
  // If the crypto provider does not give keys back, the state contains no session.
  if (codec.isReading && !peer.keypairs.current) peer.sessionUp = false;
}

function addPeer(state: EngineState, publicKey: PublicKey): Peer {
  const id = keyId(publicKey);
  if (state.peers.get(id)) throw new RangeError('the state has the same peer twice');
  const slot = state.timers.allocate();
  const peer = new Peer(publicKey, id, slot, ++state.lastPeerNumber);
  state.peers.add(peer);
  state.peersBySlot[slot] = peer;
  return peer;
}

function codeKeys(codec: StateCodec, state: EngineState, peer: Peer): void {
  const nextKey = codec.optional(peer.nextKey);
  const presharedKey = codec.optional(peer.presharedKey);
  if (!codec.isReading) return;
  if (presharedKey) peer.presharedKey = new PresharedKey(presharedKey);
  presharedKey?.fill(0);
  if (!nextKey) return;
  peer.nextKey = new PublicKey(nextKey);
  peer.nextId = keyId(nextKey);
  state.peers.addKey(peer.nextId, peer);
}

function codeAllowedIps(codec: StateCodec, { allowedIps }: EngineState, peer: Peer): void {
  if (!codec.isReading) {
    const prefixes = [...allowedIps.prefixesOf(peer)];
    codec.number(prefixes.length);
    for (const { address, prefixLength } of prefixes) {
      codec.optional(address);
      codec.number(prefixLength);
    }
    return;
  }
  for (let left = codec.number(0); left > 0; left--) {
    const address = codec.optional(undefined) ?? new Uint8Array(0);
    allowedIps.insert(address, codec.number(0), peer);
  }
}

/**
 * `turnAt`, `carrier` and `carriedAt` are left out, because the engine sets them again when they
 * are needed.
 */
function codeProgress(codec: StateCodec, peer: Peer): void {
  peer.sessionUp = codec.flag(peer.sessionUp);
  peer.unusable = codec.flag(peer.unusable);
  peer.handshakeSends = codec.number(peer.handshakeSends);
  peer.unansweredSends = codec.number(peer.unansweredSends);
  peer.unansweredProbes = codec.number(peer.unansweredProbes);
  peer.attemptStartedAt = codec.number(peer.attemptStartedAt);
  peer.handshakeSentAt = codec.number(peer.handshakeSentAt);
  peer.sentLastMinuteHandshake = codec.flag(peer.sentLastMinuteHandshake);
  peer.needsAnotherKeepalive = codec.flag(peer.needsAnotherKeepalive);
  peer.lastHandshakeUnixMs = codec.number(peer.lastHandshakeUnixMs);
  peer.receivedBytes = codec.number(peer.receivedBytes);
  peer.sentBytes = codec.number(peer.sentBytes);
  peer.receivedMessages = codec.number(peer.receivedMessages);
  peer.sentMessages = codec.number(peer.sentMessages);
  peer.roundTripUs = codec.number(peer.roundTripUs);
}

function codeTimers(codec: StateCodec, { timers }: EngineState, { slot }: Peer): void {
  for (const timer of Object.values(TIMER)) {
    const deadline = codec.number(timers.deadline(slot, timer));
    if (codec.isReading && deadline !== Infinity) timers.arm(slot, timer, deadline, 0);
  }
}

function codeStaged(codec: StateCodec, peer: Peer): void {
  if (!codec.flag((peer.staged?.length ?? 0) > 0)) return;
  peer.staged ??= new StagedPackets();
  peer.staged.code(codec);
}
