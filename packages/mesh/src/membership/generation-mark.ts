/**
 * `GenerationMark`: the generations of the latest keys that this node has seen of another node. A
 * record with earlier keys is outdated. It may come from the cache of an API server, for example.
 *
 * @module
 */
import type { NodeKey } from '../record/node-record.ts';

export interface GenerationMark {
  readonly oldest: number;
  readonly newest: number;
  /** Unix time in milliseconds at which the newest key was created. */
  readonly createdAt: number;
}

/**
 * Returns the mark of the keys of a record.
 *
 * @param keys one or two, the older one first
 */
export function markOf(keys: readonly NodeKey[]): GenerationMark {
  const newest = keys.at(-1)!;
  return {
    oldest: keys[0]!.generation,
    newest: newest.generation,
    createdAt: newest.createdAt,
  };
}

/**
 * Returns true if the keys are older than the mark. A node that has lost its key files starts again
 * with generation 1. Its new key was created later, so its record is not outdated.
 */
export function isStale(keys: readonly NodeKey[], mark: GenerationMark): boolean {
  const { oldest, newest, createdAt } = markOf(keys);
  if (newest !== mark.newest) return newest < mark.newest && createdAt <= mark.createdAt;
  return oldest < mark.oldest;
}
