/**
 * `MembershipEvent`: what happened to the nodes that this node accepts, for logs, metrics and status.
 *
 * @module
 */

/**
 * `deleted`: on purpose. `silent`: expired, and no session renewed. `replaced`: expired, and node `by` has
 * what it held. `refused`: this node has changed, and the record clashes with it.
 */
export type LeaveReason = 'deleted' | 'silent' | 'replaced' | 'refused';

export type MembershipEvent =
  /** `returned`: its record had expired and is there again. */
  | { readonly kind: 'joined' | 'changed' | 'returned'; readonly node: string }
  /** Its record is gone without anybody's decision; the peer stays while its sessions renew. */
  | { readonly kind: 'expired'; readonly node: string }
  | {
      readonly kind: 'left';
      readonly node: string;
      readonly why: LeaveReason;
      readonly by?: string;
    }
  | {
      readonly kind: 'refused';
      readonly node: string;
      /** As it is called in the record. */
      readonly field: string;
      readonly reason: string;
      /** The node that has what the record claims. */
      readonly holder?: string;
      /** The peer stays as it was before this record. */
      readonly keepsPeer: boolean;
    }
  /** What was refused of it is gone: its record, or what that claimed. */
  | { readonly kind: 'dropped'; readonly node: string }
  /** A record with earlier keys than were seen; it is ignored. */
  | { readonly kind: 'stale'; readonly node: string; readonly seen: number; readonly got: number }
  /** Another machine has written the record of this node. */
  | { readonly kind: 'own-name'; readonly node: string };

/** One line. */
export function describeMembershipEvent(event: MembershipEvent): string {
  const { node } = event;
  switch (event.kind) {
    case 'joined':
      return `node ${node} has joined`;
    case 'changed':
      return `node ${node} has changed`;
    case 'returned':
      return `the record of node ${node} is back`;
    case 'expired':
      return `the record of node ${node} has expired; the peer stays while its sessions renew`;
    case 'left':
      return `node ${node} has left: ${leftBecause(event.why, event.by)}`;
    case 'refused': {
      const kept = event.keepsPeer ? '; the peer stays as it was' : '';
      return `the record of node ${node} is refused: ${event.field}: ${event.reason}${kept}`;
    }
    case 'dropped':
      return `what was refused of node ${node} is not in the registry any more`;
    case 'stale':
      return (
        `an old record of node ${node} is ignored: its newest key has generation ${event.got}, ` +
        `seen was ${event.seen}`
      );
    case 'own-name':
      return (
        `the record of this node, ${node}, has the key of another machine: ` +
        'give one of the two another --node'
      );
    default:
      return event satisfies never;
  }
}

function leftBecause(why: LeaveReason, by = ''): string {
  switch (why) {
    case 'deleted':
      return 'somebody removed its record';
    case 'silent':
      return 'its record had expired, and its sessions have ended';
    case 'replaced':
      return `its record had expired, and node ${by} has what it held`;
    case 'refused':
      return 'it clashes with what this node has now';
    default:
      return why satisfies never;
  }
}
