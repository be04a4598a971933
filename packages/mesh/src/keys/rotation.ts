/**
 * `planKeys`: decides what each key of a node is used for, from the state of the key files, of this
 * node's record and of the daemon. It remembers nothing, so after a crash at any point, the
 * rotation continues from the state of these three. In this table, n and n+1 are the generations of
 * two keys:
 * ```
 *   files     daemon      record      next step
 *   n         n           n           none: no rotation is in progress
 *   n, n+1    n           n           the daemon learns n+1 as its second identity
 *   n, n+1    n, n+1      n           the record gets both keys: first write
 *   n, n+1    n, n+1      n, n+1      peers shake hands with n+1; wait for all, or for the timeout;
 *                                     then the record gets only n+1: second write
 *   n, n+1    n, n+1      n+1         the daemon promotes n+1
 *   n, n+1    n+1         n+1         the file of n is deleted
 * ```
 *
 * A peer can only complete a handshake with the new key if it knows the key. So the handshake is
 * the acknowledgement, and peers write nothing.
 *
 * To revoke a key, the files of all keys are deleted, except the file of a new key that no peer has
 * seen. The new key is not the daemon's next identity, and no peer has it as the next key of
 * this node. So it is not promoted. Instead, the daemon and the peers replace the old key by the
 * new key, and all sessions of the old keys end.
 *
 * @module
 */
import { equalBytes } from '@litz/core/internals';
import type { PublicKey } from '@litz/core';
import { MOST_GENERATION, type NodeKey } from '../record/node-record.ts';

export interface KeysView {
  /** The keys of the files, the older one first: one, or two during a rotation. */
  readonly keys: readonly NodeKey[];
  /**
   * The keys of this node's record. Empty if there is no record; undefined while the record is not
   * known.
   */
  readonly recordKeys: readonly NodeKey[] | undefined;
  /** The daemon's identities. Undefined while the daemon is not connected. */
  readonly daemon: Identities | undefined;
  /** The names of peers that have no session with the new key. */
  readonly unanswered: readonly string[];
  /** True if the rotation no longer waits for the `unanswered` peers. */
  readonly isOverdue: boolean;
}

export interface Identities {
  readonly own: PublicKey | undefined;
  readonly next: PublicKey | undefined;
}

export interface KeysPlan {
  readonly own: NodeKey;
  /** The daemon's second identity, during a rotation. */
  readonly next: NodeKey | undefined;
  /**
   * The keys for this node's record, the older one first. Undefined if no record is to be written
   * now.
   */
  readonly published: readonly NodeKey[] | undefined;
  /** A key whose file is no longer needed. */
  readonly obsolete: NodeKey | undefined;
  /** The names of the peers that the rotation waits for. */
  readonly waitsFor: readonly string[];
}

/**
 * Returns what each key is used for now.
 *
 * @throws {RangeError} there is no key, or there are more than two
 */
export function planKeys(view: KeysView): KeysPlan {
  const { keys, recordKeys } = view;
  const [first, second] = keys;
  if (!first || keys.length > 2) throw new RangeError(`"keys" expected 1 or 2, got ${keys.length}`);
  if (!second) {
    return { ...AT_REST, own: first, published: recordKeys && [first] };
  }
  if (hasOnly(recordKeys, second)) return finished(view, first, second);
  // While the registry cannot be read, the daemon's own key may show that the second write was
  // done. Then the rotation does not go back.
  if (!recordKeys && isSame(view.daemon?.own, second)) return { ...AT_REST, own: second };
  const rotating = { ...AT_REST, own: first, next: second };
  if (!recordKeys) return rotating;
  if (!recordKeys.some((key) => isSame(key.publicKey, second))) {
    return { ...rotating, published: knowsBoth(view, first, second) ? [first, second] : [first] };
  }
  if (view.unanswered.length === 0 || view.isOverdue) return { ...rotating, published: [second] };
  return { ...rotating, published: [first, second], waitsFor: view.unanswered };
}

/** A later generation for the key of one file. */
export interface Raise {
  readonly from: number;
  readonly to: number;
}

/**
 * Returns the keys that need a later generation, in the order in which their files must be renamed.
 * Peers ignore a record with a lower generation than they have seen, unless its key was created
 * later. So a node whose directory was lost, or restored from a backup, must continue above the
 * generation in its record.
 */
export function planRaises(keys: readonly NodeKey[], recordKeys: readonly NodeKey[]): Raise[] {
  const recordedGeneration = ({ publicKey }: NodeKey): number | undefined =>
    recordKeys.find((key) => equalBytes(key.publicKey, publicKey))?.generation;
  const newest = keys.at(-1);
  // If the record has the newest key, an older key that is not in the record is never published
  // again, so the generation of the older key is not raised.
  const isWritten = newest !== undefined && recordedGeneration(newest) !== undefined;
  let least = isWritten ? 0 : Math.max(0, ...recordKeys.map(({ generation }) => generation)) + 1;
  const raises: Raise[] = [];
  for (const key of keys) {
    const known = recordedGeneration(key);
    const to = Math.max(known ?? least, key.generation);
    if (to !== key.generation) raises.push({ from: key.generation, to });
    if (known === undefined) least = Math.max(least, to + 1);
  }
  // If no generation is left above the generations in the record, the keys keep their generations,
  // and the peers report that they know later generations.
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

function hasOnly(recordKeys: readonly NodeKey[] | undefined, key: NodeKey): boolean {
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
