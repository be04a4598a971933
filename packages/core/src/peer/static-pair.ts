/**
 * `StaticPair`: one of our identities together with one static key of a peer, and the state of
 * handshakes between them: one handshake, one greatest timestamp, one cookie.
 *
 * A pair is created when it is first needed. Most peers have one pair. While one side replaces its
 * static key, that side has two keys, so a peer can have two pairs, or four pairs if both sides
 * replace their keys. The sessions of all these pairs belong to the same peer.
 *
 * @module
 */
import type { MacSender } from '../cookie/macs.ts';
import { Handshake } from '../handshake/handshake.ts';
import type { StaticIdentity } from '../handshake/static-identity.ts';
import type { PublicKey } from '../keys.ts';

/** `Owner` is the type of the peer that the pair belongs to. */
export class StaticPair<Owner = unknown> {
  readonly peer: Owner;
  readonly identity: StaticIdentity;
  readonly remoteKey: PublicKey;
  readonly handshake: Handshake;
  /** Adds mac1 and mac2 to messages for the remote key, and keeps the cookie for mac2. */
  macs: MacSender | undefined = undefined;
  /** The sender index of the handshake in progress; -1 if there is none. */
  index = -1;
  /** When we last sent an initiation with this pair, in the milliseconds of `now`. */
  sentAt: number = -Infinity;
  /** When a probe with this pair may be sent, see `TurnBudget`; Infinity if no turn is reserved. */
  turnAt: number = Infinity;

  /** @param remoteKey kept by reference */
  constructor(peer: Owner, identity: StaticIdentity, remoteKey: PublicKey) {
    this.peer = peer;
    this.identity = identity;
    this.remoteKey = remoteKey;
    this.handshake = new Handshake(remoteKey);
  }
}
