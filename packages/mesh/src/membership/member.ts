/**
 * `Member`: what `Membership` knows of one node.
 *
 * @module
 */
import type { NodeRecord } from '../record/node-record.ts';
import type { GenerationMark } from './generation-mark.ts';

export interface Member {
  readonly name: string;
  standing: 'living' | 'expired';
  /** When it was last known to be alive, of an expired one. */
  aliveAt: number;
  /** What it holds: the latest record that was accepted. */
  accepted: NodeRecord | undefined;
  /** The latest record, where that isn't accepted. */
  claim: NodeRecord | undefined;
  mark: GenerationMark | undefined;
  /** The refusal that was told last. */
  told: string;
}

export function newMember(name: string): Member {
  return {
    name,
    standing: 'living',
    aliveAt: 0,
    accepted: undefined,
    claim: undefined,
    mark: undefined,
    told: '',
  };
}

/** Those that claim something: who holds something comes first, then whose key is older. */
export function inOrderOfClaim(members: Iterable<Member>): Member[] {
  const claiming: Member[] = [];
  for (const member of members) if (member.claim) claiming.push(member);
  return claiming.sort(
    (a, b) =>
      Number(b.accepted !== undefined) - Number(a.accepted !== undefined) ||
      bornAt(a) - bornAt(b) ||
      (a.name < b.name ? -1 : 1),
  );
}

/** When the first of the keys that it claims was made. */
function bornAt({ claim }: Member): number {
  return claim!.keys[0]!.createdAt;
}
