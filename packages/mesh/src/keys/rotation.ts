/**
 * `planKeys`: which keys of a node are used for what, from what there is: the files, the own record and
 * the daemon. Pure, and without a memory of its own: after a crash at any point it goes on from where
 * the three stand.
 *
 * ```
 *   files     daemon      record      what is to come
 *   n         n           n           at rest
 *   n, n+1    n           n           the daemon learns n+1 as its second identity
 *   n, n+1    n, n+1      n           the record gets both: first write
 *   n, n+1    n, n+1      n, n+1      peers shake hands with n+1; wait for all, or for the timeout
 *   n, n+1    n, n+1      n+1         the record has n+1 alone: second write; the daemon promotes it
 *   n, n+1    n+1         n+1         the file of n is deleted
 * ```
 * A peer answers only when it knows the new key, so its handshake is the acknowledgement, and peers
 * write nothing.
 *
 * To revoke is to delete the files of all keys but a new one that nobody has seen. It isn't the next
 * identity of the daemon, nor a next key of any peer, so nobody promotes it: the daemon and the peers swap
 * one key for another, and whatever was made with the former ones ends.
 *
 * @module
 */
import { equalBytes } from '@litz/core/internals';
import type { PublicKey } from '@litz/core';
import { MOST_GENERATION, type NodeKey } from '../record/node-record.ts';

export interface KeysView {
  /** Of the files, the older one first: one, or two while a rotation goes on. */
  readonly keys: readonly NodeKey[];
  /** Of the own record; none where there is no record, undefined while that is not known. */
  readonly recordKeys: readonly NodeKey[] | undefined;
  /** The daemon's identities; undefined while there is no daemon. */
  readonly daemon: Identities | undefined;
  /** Names of peers that have had no handshake with the new key. */
  readonly unanswered: readonly string[];
  /** Those peers are not waited for any more. */
  readonly isOverdue: boolean;
}

export interface Identities {
  readonly own: PublicKey | undefined;
  readonly next: PublicKey | undefined;
}

export interface KeysPlan {
  readonly own: NodeKey;
  /** The daemon's second identity. */
  readonly next: NodeKey | undefined;
  /** Of the own record, the older one first; undefined: nothing is to be written yet. */
  readonly published: readonly NodeKey[] | undefined;
  /** Its file is of no more use. */
  readonly obsolete: NodeKey | undefined;
  /** The rotation waits for them. */
  readonly waitsFor: readonly string[];
}

/** @throws {RangeError} there is no key, or there are more than two */
export function planKeys(view: KeysView): KeysPlan {
  const { keys, recordKeys } = view;
  const [first, second] = keys;
  if (!first || keys.length > 2) throw new RangeError(`"keys" expected 1 or 2, got ${keys.length}`);
  if (!second) {
    return { ...AT_REST, own: first, published: recordKeys && [first] };
  }
  if (hasAlone(recordKeys, second)) return finished(view, first, second);
  // The second write is done, and the registry can't be asked: nothing goes back.
  if (!recordKeys && isSame(view.daemon?.own, second)) return { ...AT_REST, own: second };
  const rotating = { ...AT_REST, own: first, next: second };
  if (!recordKeys) return rotating;
  if (!recordKeys.some((key) => isSame(key.publicKey, second))) {
    return { ...rotating, published: knowsBoth(view, first, second) ? [first, second] : [first] };
  }
  if (view.unanswered.length === 0 || view.isOverdue) return { ...rotating, published: [second] };
  return { ...rotating, published: [first, second], waitsFor: view.unanswered };
}

/** A key of a file gets another generation. */
export interface Raise {
  readonly from: number;
  readonly to: number;
}

/**
 * Peers take no generation that is lower than one they have seen: a node whose folder was lost, or put
 * back from a copy, goes on above its record. In the order in which the files are to be renamed.
 */
export function raisesOf(keys: readonly NodeKey[], recordKeys: readonly NodeKey[]): Raise[] {
  const knownAs = ({ publicKey }: NodeKey): number | undefined =>
    recordKeys.find((key) => equalBytes(key.publicKey, publicKey))?.generation;
  const newest = keys.at(-1);
  // A key that comes before one of the record is never written again.
  const isWritten = newest !== undefined && knownAs(newest) !== undefined;
  let least = isWritten ? 0 : Math.max(0, ...recordKeys.map(({ generation }) => generation)) + 1;
  const raises: Raise[] = [];
  for (const key of keys) {
    const known = knownAs(key);
    const to = Math.max(known ?? least, key.generation);
    if (to !== key.generation) raises.push({ from: key.generation, to });
    if (known === undefined) least = Math.max(least, to + 1);
  }
  // The record leaves no room above it. Keys stay as they are, and the others say that they know later ones.
  if (raises.some(({ to }) => to > MOST_GENERATION)) return [];
  return raises.toReversed();
}

function finished({ daemon }: KeysView, first: NodeKey, second: NodeKey): KeysPlan {
  const isPromoted = isSame(daemon?.own, second);
  return {
    ...AT_REST,
    own: second,
    published: [second],
    obsolete: isPromoted ? first : undefined,
  };
}

function hasAlone(recordKeys: readonly NodeKey[] | undefined, key: NodeKey): boolean {
  return recordKeys?.length === 1 && isSame(recordKeys[0]?.publicKey, key);
}

function knowsBoth({ daemon }: KeysView, first: NodeKey, second: NodeKey): boolean {
  return isSame(daemon?.own, first) && isSame(daemon?.next, second);
}

function isSame(publicKey: PublicKey | undefined, key: NodeKey): boolean {
  return publicKey !== undefined && equalBytes(publicKey, key.publicKey);
}

const AT_REST: Omit<KeysPlan, 'own'> = {
  next: undefined,
  published: undefined,
  obsolete: undefined,
  waitsFor: [],
};
