/**
 * `PeerSessions`: what the daemon tells of its peers, by the names of the nodes.
 *
 * @module
 */
import type { PublicKey } from '@litz/core';
import { equalBytes, keyId } from '@litz/core/internals';
import type { ChangedPeer } from '@litz/config';
import type { MeshPeer } from '../membership/mesh-peer.ts';

export class PeerSessions {
  /** By `keyId`. */
  readonly #states: Map<string, ChangedPeer> = new Map();
  readonly #names: Map<string, string> = new Map();
  #peers: ReadonlyMap<string, MeshPeer> = new Map();
  #answered: ReadonlySet<string> = new Set();

  /** Names of the peers that have had a handshake since the daemon was started. Replaced, never changed. */
  get answered(): ReadonlySet<string> {
    return this.#answered;
  }

  /** The accepted peers are these from now on. */
  setPeers(peers: ReadonlyMap<string, MeshPeer>): void {
    this.#peers = peers;
    this.#names.clear();
    for (const [name, { keys }] of peers) {
      for (const { publicKey } of keys) this.#names.set(keyId(publicKey), name);
    }
    this.#answered = new Set([...peers.keys()].filter((name) => this.hasAnswered(name)));
  }

  /** @returns names of those of the accepted peers for which something is different now */
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
      if (change.isRemoved) this.#states.delete(id);
      else this.#states.set(id, change);
      touch(id);
    }
    this.#noteAnswers(touched);
    return touched;
  }

  /** The daemon is gone, and all sessions with it. */
  clear(): void {
    this.#states.clear();
    this.#answered = new Set();
  }

  /** What the daemon told last of a peer. */
  stateOf(name: string): ChangedPeer | undefined {
    const states = this.#statesOf(name);
    return states.toSorted((a, b) => b.lastHandshakeUnixMs - a.lastHandshakeUnixMs)[0];
  }

  hasAnswered(name: string): boolean {
    return this.#statesOf(name).some(({ lastHandshakeUnixMs }) => lastHandshakeUnixMs > 0);
  }

  /** Names of the peers with whom there is no session by this key of ours. */
  withoutSessionOf(own: PublicKey): string[] {
    return [...this.#peers.keys()].filter(
      (name) => !this.#statesOf(name).some((state) => usesKey(state, own)),
    );
  }

  #statesOf(name: string): ChangedPeer[] {
    const keys = this.#peers.get(name)?.keys ?? [];
    return keys.flatMap(({ publicKey }) => {
      const state = this.#states.get(keyId(publicKey));
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

function usesKey({ sessionKeys }: ChangedPeer, own: PublicKey): boolean {
  return sessionKeys !== undefined && equalBytes(sessionKeys.own, own);
}
