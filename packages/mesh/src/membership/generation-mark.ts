/**
 * `GenerationMark`: the latest keys that a node was seen with. A record with earlier ones is an old list
 * that somebody gives out again, an API server's cache for instance.
 *
 * @module
 */
import type { NodeKey } from '../record/node-record.ts';

export interface GenerationMark {
  readonly oldest: number;
  readonly newest: number;
  /** When the newest one was made. */
  readonly createdAt: number;
}

export function markOf(keys: readonly NodeKey[]): GenerationMark {
  const newest = keys.at(-1)!;
  return {
    oldest: keys[0]!.generation,
    newest: newest.generation,
    createdAt: newest.createdAt,
  };
}

/**
 * Whether the keys are of before the mark. A node that has lost everything begins with generation 1
 * again; its key is newer by its time, and so it is followed.
 */
export function isStale(keys: readonly NodeKey[], mark: GenerationMark): boolean {
  const { oldest, newest, createdAt } = markOf(keys);
  if (newest !== mark.newest) return newest < mark.newest && createdAt <= mark.createdAt;
  return oldest < mark.oldest;
}
