/**
 * `MembershipEvent`: a change of the nodes that this node accepts as peers, for logs, metrics and
 * status.
 *
 * @module
 */

/**
 * Why a node has left:
 * - `deleted`: its record was deleted or revoked on purpose.
 * - `silent`: its record had expired, and its sessions were not renewed.
 * - `replaced`: its record had expired, and node `by` now has its key, address or prefix.
 * - `refused`: this node has changed, and the other node's record now clashes with this node.
 */
export type LeaveReason = 'deleted' | 'silent' | 'replaced' | 'refused';

/**
 * A change of the accepted nodes, or a refusal. `describeMembershipEvent` returns an event as text.
 */
export type MembershipEvent =
  /** `returned`: the record had expired and is in the registry again. */
  | { readonly kind: 'joined' | 'changed' | 'returned'; readonly node: string }
  /**
   * The record is gone, but it was not removed on purpose. The peer stays while its sessions are
   * renewed.
   */
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
      /** The name of the field in the record. */
      readonly field: string;
      readonly reason: string;
      /** The other node, if the record claims a key, address or prefix of another node. */
      readonly holder?: string;
      /** True if the node is already a peer. The peer then stays as it was before this record. */
      readonly keepsPeer: boolean;
    }
  /**
   * A refused record is gone: it was removed, or a record without the refused claim has replaced
   * it.
   */
  | { readonly kind: 'dropped'; readonly node: string }
  /** A record is ignored, because its keys are older than keys that were seen before. */
  | { readonly kind: 'stale'; readonly node: string; readonly seen: number; readonly got: number }
  /** The record with this node's name has the key of another machine. */
  | { readonly kind: 'own-name'; readonly node: string };

/** Returns an event as one line of text. */
export function describeMembershipEvent(event: MembershipEvent): string {
  const { node } = event;
  switch (event.kind) {
    case 'joined':
      return `node ${node} has joined`;
    case 'changed':
      return `node ${node} has changed`;
    case 'returned':
      return `the record of node ${node} is in the registry again`;
    case 'expired':
      return `the record of node ${node} has expired; the peer stays while its sessions are renewed`;
    case 'left':
      return `node ${node} has left: ${leftBecause(event.why, event.by)}`;
    case 'refused': {
      const kept = event.keepsPeer ? '; the peer stays as it was' : '';
      return `the record of node ${node} is refused: ${event.field}: ${event.reason}${kept}`;
    }
    case 'dropped':
      return `the refused record of node ${node} is no longer in the registry`;
    case 'stale':
      return (
        `an outdated record of node ${node} is ignored: its newest key has generation ${event.got}, ` +
        `but generation ${event.seen} was already seen`
      );
    case 'own-name':
      return (
        `the record of this node, ${node}, has the key of another machine: ` +
        'start the agent of one of the two with another --node name'
      );
    default:
      return event satisfies never;
  }
}

function leftBecause(why: LeaveReason, by = ''): string {
  switch (why) {
    case 'deleted':
      return 'its record was removed';
    case 'silent':
      return 'its record had expired, and its sessions have ended';
    case 'replaced':
      return `its record had expired, and node ${by} now has its key, address or prefix`;
    case 'refused':
      return 'its record clashes with this node';
    default:
      return why satisfies never;
  }
}
