/**
 * `PeerSessions`: the state of each peer as the daemon last reported it, by node name.
 *
 * @module
 */
import type { PublicKey } from '@litz/core';
import { equalBytes, keyId } from '@litz/core/internals';
import type { ChangedPeer } from '@litz/config';
import type { MeshPeer } from '../membership/mesh-peer.ts';

/**
 * The fields of a reported state that are kept. `viewOf` reads the other fields from the daemon.
 */
export type SessionState = Pick<ChangedPeer, 'lastHandshakeUnixMs' | 'sessionStaticKeys'>;

export class PeerSessions {
  /**
   * The last state that the daemon reported for each key, by `keyId`. A peer that never had a
   * handshake has no state.
   */
  readonly #states: Map<string, SessionState> = new Map();
  /**
   * This node's key in the session that was reported last. Nearly all sessions use this key, so
   * their states share this object.
   */
  #own: PublicKey | undefined = undefined;
  /** The names of the accepted peers, by `keyId`. */
  readonly #names: Map<string, string> = new Map();
  /** The `keyId`s of the accepted peers, by name. */
  readonly #ids: Map<string, readonly string[]> = new Map();
  #answered: ReadonlySet<string> = new Set();

  /**
   * The names of the peers that have had a handshake since the daemon was started. A change creates
   * a new set.
   */
  get answered(): ReadonlySet<string> {
    return this.#answered;
  }

  /**
   * Sets the accepted peers.
   *
   * @param changed the names of the peers that may differ from the last call; default: all
   */
  setPeers(
    peers: ReadonlyMap<string, MeshPeer>,
    changed: ReadonlySet<string> = new Set([...this.#ids.keys(), ...peers.keys()]),
  ): void {
    // A key may have moved from one node to another, so all old entries are removed first.
    for (const name of changed) this.#forget(name);
    for (const name of changed) {
      const peer = peers.get(name);
      if (!peer) continue;
      const ids = peer.keys.map(({ publicKey }) => keyId(publicKey));
      this.#ids.set(name, ids);
      for (const id of ids) this.#names.set(id, name);
    }
    this.#noteAnswers(changed);
  }

  /**
   * Takes the changes that the daemon reports.
   *
   * @param isResync true: `changes` lists all peers of the daemon
   * @returns the names of the accepted peers whose state may have changed
   */
  take(changes: readonly ChangedPeer[], isResync: boolean): ReadonlySet<string> {
    const touched = new Set<string>();
    const touch = (id: string): void => {
      const name = this.#names.get(id);
      if (name !== undefined) touched.add(name);
    };
    if (isResync) {
      for (const id of this.#states.keys()) touch(id);
      this.#states.clear();
    }
    for (const change of changes) {
      const id = keyId(change.publicKey);
      const state = this.#kept(change);
      if (state) this.#states.set(id, state);
      else this.#states.delete(id);
      touch(id);
    }
    this.#noteAnswers(touched);
    return touched;
  }

  /** Forgets all sessions, because the daemon has ended. */
  clear(): void {
    this.#states.clear();
    this.#answered = new Set();
  }

  /**
   * Returns the last state that the daemon reported for a peer. If the peer has two keys, returns
   * the state of the key with the latest handshake.
   */
  stateOf(name: string): SessionState | undefined {
    const states = this.#statesOf(name);
    return states.toSorted((a, b) => b.lastHandshakeUnixMs - a.lastHandshakeUnixMs)[0];
  }

  hasAnswered(name: string): boolean {
    return this.#statesOf(name).some(({ lastHandshakeUnixMs }) => lastHandshakeUnixMs > 0);
  }

  /** Returns the names of the peers that have no session with this key of this node. */
  withoutSessionOf(own: PublicKey): string[] {
    return [...this.#ids.keys()].filter(
      (name) => !this.#statesOf(name).some((state) => usesKey(state, own)),
    );
  }

  /** Returns undefined if the peer was removed, or never had a handshake. */
  #kept({
    isRemoved,
    lastHandshakeUnixMs,
    sessionStaticKeys,
  }: ChangedPeer): SessionState | undefined {
    if (isRemoved || (lastHandshakeUnixMs === 0 && !sessionStaticKeys)) return undefined;
    if (!sessionStaticKeys) return { lastHandshakeUnixMs };
    const { own, peer } = sessionStaticKeys;
    if (!this.#own || !equalBytes(this.#own, own)) this.#own = own;
    return { lastHandshakeUnixMs, sessionStaticKeys: { own: this.#own, peer } };
  }

  #forget(name: string): void {
    for (const id of this.#ids.get(name) ?? []) this.#names.delete(id);
    this.#ids.delete(name);
  }

  #statesOf(name: string): SessionState[] {
    return (this.#ids.get(name) ?? []).flatMap((id) => {
      const state = this.#states.get(id);
      return state ? [state] : [];
    });
  }

  #noteAnswers(names: ReadonlySet<string>): void {
    const changed = [...names].filter(
      (name) => this.hasAnswered(name) !== this.#answered.has(name),
    );
    if (changed.length === 0) return;
    const answered = new Set(this.#answered);
    for (const name of changed) {
      if (this.hasAnswered(name)) answered.add(name);
      else answered.delete(name);
    }
    this.#answered = answered;
  }
}

function usesKey({ sessionStaticKeys }: SessionState, own: PublicKey): boolean {
  return sessionStaticKeys !== undefined && equalBytes(sessionStaticKeys.own, own);
}
