/**
 * `StaticPair`: an identity of ours and a static key of a peer, and what handshakes between these two
 * need: one handshake, one greatest timestamp, one cookie for each such pair.
 *
 * A peer has one, made when it is first needed. While our key or the peer's is being replaced there are
 * two of it on that side, and so two or four pairs; their sessions are the peer's all the same.
 *
 * @module
 */
import type { MacSender } from '../cookie/macs.ts';
import { Handshake } from '../handshake/handshake.ts';
import type { StaticIdentity } from '../handshake/static-identity.ts';
import type { PublicKey } from '../keys.ts';

/** `Owner`: whose pair it is, a `Peer`, which has its own pairs in turn. */
export class StaticPair<Owner = unknown> {
  readonly peer: Owner;
  readonly identity: StaticIdentity;
  readonly remoteKey: PublicKey;
  readonly handshake: Handshake;
  /** mac1, mac2 and the cookie for messages to the remote key. */
  macs: MacSender | undefined = undefined;
  /** Sender index of the handshake in progress, -1 for none. */
  index = -1;
  /** When an initiation of ours last left. */
  sentAt: number = -Infinity;
  /** When its turn comes to send a probe; Infinity: none was reserved. */
  turnAt: number = Infinity;

  /** @param remoteKey kept by reference */
  constructor(peer: Owner, identity: StaticIdentity, remoteKey: PublicKey) {
    this.peer = peer;
    this.identity = identity;
    this.remoteKey = remoteKey;
    this.handshake = new Handshake(remoteKey);
  }
}
