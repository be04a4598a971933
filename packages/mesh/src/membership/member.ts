/**
 * `Member`: what `Membership` knows about one node.
 *
 * @module
 */
import type { NodeRecord } from '../record/node-record.ts';
import type { GenerationMark } from './generation-mark.ts';

export interface Member {
  readonly name: string;
  standing: 'living' | 'expired';
  /** Unix time in milliseconds at which an expired node was last known to be alive. */
  aliveAt: number;
  /**
   * The latest record that was accepted. It decides which keys, addresses and prefixes the node
   * has.
   */
  accepted: NodeRecord | undefined;
  /** The latest record, while it is not accepted. */
  pending: NodeRecord | undefined;
  mark: GenerationMark | undefined;
  /** The refusal that was reported last, as "FIELD: REASON"; empty if there is none. */
  reportedRefusal: string;
}

/** Returns a living member without a record. */
export function newMember(name: string): Member {
  return {
    name,
    standing: 'living',
    aliveAt: 0,
    accepted: undefined,
    pending: undefined,
    mark: undefined,
    reportedRefusal: '',
  };
}

/**
 * Returns the members with a pending record. Members that were accepted before come first. In both
 * groups, members with an older key come before members with a newer key.
 */
export function pendingInOrder(members: Iterable<Member>): Member[] {
  const claiming: Member[] = [];
  for (const member of members) if (member.pending) claiming.push(member);
  return claiming.sort(
    (a, b) =>
      Number(b.accepted !== undefined) - Number(a.accepted !== undefined) ||
      olderKeyCreatedAt(a) - olderKeyCreatedAt(b) ||
      (a.name < b.name ? -1 : 1),
  );
}

/** Returns the time at which the older key of the pending record was created. */
function olderKeyCreatedAt({ pending }: Member): number {
  return pending!.keys[0]!.createdAt;
}
