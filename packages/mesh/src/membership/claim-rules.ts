/**
 * `ClaimRules`: decides whether the pending record of a node can be accepted now, and which other
 * nodes must be accepted or replaced at the same time.
 *
 * @module
 */
import type { NodeRecord } from '../record/node-record.ts';
import type { AcceptedClaims } from './accepted-claims.ts';
import type { Member } from './member.ts';
import { refusalInContext, type MembershipContext, type Refusal } from './membership-context.ts';

/** The nodes that must be changed together. The claims of `group` are already taken. */
export interface TakenClaims {
  /** The nodes whose pending records are accepted. */
  readonly group: readonly Member[];
  /** The names of expired nodes that lose their claims to the group. */
  readonly replaced: ReadonlySet<string>;
}

export class ClaimRules {
  readonly #members: ReadonlyMap<string, Member>;
  readonly #claims: AcceptedClaims;

  constructor(members: ReadonlyMap<string, Member>, claims: AcceptedClaims) {
    this.#members = members;
    this.#claims = claims;
  }

  /**
   * Takes the claims of a pending record, and of the records that can only be accepted together
   * with it.
   *
   * @returns undefined if the record cannot be accepted now; the claims are then as before
   */
  take(member: Member, context: MembershipContext): TakenClaims | undefined {
    if (this.#isUncontested(member.pending!, context)) {
      this.#claims.take(member.pending!);
      return { group: [member], replaced: NO_NAMES };
    }
    const group = this.#group(member);
    if (!group) return undefined;
    for (const { name } of group) this.#claims.release(name);
    const replaced = new Set<string>();
    const isFree = group.every(({ pending }) => {
      if (this.refusalOf(pending!, context)) return false;
      for (const { holder } of this.#claims.clashesOf(pending!)) replaced.add(holder);
      for (const name of replaced) this.#claims.release(name);
      this.#claims.take(pending!);
      return true;
    });
    if (isFree) return { group, replaced };
    for (const { name } of group) this.#claims.release(name);
    for (const name of [...replaced, ...group.map((other) => other.name)]) {
      const { accepted } = this.#members.get(name)!;
      if (accepted) this.#claims.take(accepted);
    }
    return undefined;
  }

  /**
   * Returns the reason why the record must be refused now. The claims of an expired node are no
   * reason to refuse the record of a living node.
   */
  refusalOf(record: NodeRecord, context: MembershipContext): Refusal | undefined {
    const refusal = refusalInContext(record, context);
    if (refusal) return refusal;
    const isExpired = this.#members.get(record.name)?.standing === 'expired';
    for (const clash of this.#claims.clashesOf(record)) {
      if (isExpired || this.#members.get(clash.holder)!.standing === 'living') return clash;
    }
    return undefined;
  }

  /**
   * Returns true if the record can be accepted without a closer look: it fits this node, and no
   * other node has any of its claims. This is so for nearly every record.
   */
  #isUncontested(record: NodeRecord, context: MembershipContext): boolean {
    if (refusalInContext(record, context)) return false;
    return this.#claims.clashesOf(record).next().done === true;
  }

  /**
   * Returns the nodes that can only be accepted together, because they exchange claims. Each node
   * claims a key, address or prefix of the next node, and the next node gives it up in its own
   * pending record. Returns undefined if one of these nodes has no pending record, because a node
   * without a pending record gives nothing up.
   */
  #group(member: Member): Member[] | undefined {
    const group = new Set([member]);
    for (const { pending } of group) {
      for (const { holder } of this.#claims.clashesOf(pending!)) {
        const other = this.#members.get(holder)!;
        if (other.standing === 'expired') continue;
        if (!other.pending) return undefined;
        group.add(other);
      }
    }
    return [...group];
  }
}

const NO_NAMES: ReadonlySet<string> = new Set();
