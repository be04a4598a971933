/**
 * `Membership`: decides which nodes this node accepts as peers, from the registry's records. It has
 * no clock and no connections: the caller passes the time and the state of the sessions.
 * - A key, an address or a prefix stays with the node whose accepted record has it, unless this
 *   record has expired. Another record that claims it is refused, and is checked again when
 *   something changes.
 * - If a record is bad or refused, the node's peer stays as it was before.
 * - If a record was deleted or revoked, the node's peer is removed at once.
 * - If a record has expired, the node's peer stays while its sessions are renewed. If the record of
 *   another node claims its key, address or prefix, the other node replaces it.
 * - While the registry cannot be read, everything stays. A record counts as missing only if a
 *   complete list does not contain it.
 * - A record is ignored if its keys are older than keys of the same node that were seen before.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { RecordError, type NodeRecord, type ReadRecord } from '../record/node-record.ts';
import { isStale, markOf } from './generation-mark.ts';
import { AcceptedClaims } from './accepted-claims.ts';
import { ClaimRules } from './claim-rules.ts';
import { pendingInOrder, newMember, type Member } from './member.ts';
import { refusalInContext, type MembershipContext, type Refusal } from './membership-context.ts';
import type { LeaveReason, MembershipEvent } from './membership-event.ts';
import type { MeshPeer } from './mesh-peer.ts';
import { peerOf } from './peer-of-record.ts';

/**
 * The nodes that this node accepts as peers.
 *
 * @example
 * ```ts
 * import { generateKeyPair, parseCidr } from '@litz/core';
 * import { describeMembershipEvent, Membership, type NodeRecord } from '@litz/mesh';
 *
 * const membership = new Membership({
 *   ownName: 'a',
 *   ownKeys: [generateKeyPair().publicKey],
 *   ownAddresses: ['192.0.2.1'],
 *   ownPrefixes: [parseCidr('10.244.1.0/24')],
 *   registryAddresses: [],
 *   servicePrefixes: [],
 *   clusterPrefixes: [parseCidr('10.244.0.0/16')],
 *   nodePrefixes: [],
 * });
 * const record: NodeRecord = {
 *   name: 'b',
 *   addresses: ['192.0.2.1'],
 *   port: 51871,
 *   keys: [{ publicKey: generateKeyPair().publicKey, generation: 1, createdAt: Date.now() }],
 *   prefixes: [parseCidr('10.244.2.0/24')],
 *   encryptsNode: false,
 *   sendsPlaintext: false,
 *   revoked: false,
 * };
 * for (const event of membership.sync(new Map([['b', record]]), Date.now())) {
 *   console.log(describeMembershipEvent(event));
 * }
 * //=> the record of node b is refused: addresses[0]: 192.0.2.1 is an address of this node
 * ```
 */
export class Membership {
  #context: MembershipContext;
  readonly #members = new Map<string, Member>();
  /**
   * The members with a pending record. With this set, a change of one node need not visit all 5,000
   * members.
   */
  readonly #claiming = new Set<Member>();
  readonly #peers = new Map<string, MeshPeer>();
  readonly #claims = new AcceptedClaims();
  readonly #rules = new ClaimRules(this.#members, this.#claims);
  #changed: Set<string> = new Set();
  #renewing: ReadonlySet<string> = new Set();
  #isSynced = false;
  #events: MembershipEvent[] = [];

  constructor(context: MembershipContext) {
    this.#context = context;
  }

  /** The accepted nodes by name. A peer's object stays the same until the peer changes. */
  get peers(): ReadonlyMap<string, MeshPeer> {
    return this.#peers;
  }

  /**
   * Returns the names of the nodes whose peer was added, changed or removed since the last call.
   */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /** True once the registry has sent a complete list. Before that, no record counts as missing. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /**
   * Takes the records that were accepted before a restart. Call it before the first `sync`. The
   * nodes of these records keep their keys, addresses and prefixes until the registry reports a
   * change.
   *
   * @param now Unix time in milliseconds
   */
  remember(records: Iterable<NodeRecord>, now: number): void {
    for (const record of records) {
      const member = this.#member(record.name);
      member.standing = 'expired';
      member.aliveAt = now;
      this.#claim(member, record);
      member.mark = markOf(record.keys);
    }
    this.#settle();
    for (const { name, accepted } of this.#members.values()) {
      if (!accepted) this.#members.delete(name);
    }
    this.#claiming.clear();
    this.#events = [];
  }

  /**
   * Takes a complete list of records. A record that is missing from the list has expired, unless
   * `gone` was called for it.
   */
  sync(records: ReadonlyMap<string, ReadRecord>, now: number): MembershipEvent[] {
    for (const { name, standing } of this.#members.values()) {
      if (records.has(name)) continue;
      if (standing === 'living') this.#expire(name, now);
      else if (!this.#isSynced) this.#events.push({ kind: 'expired', node: name });
    }
    for (const [name, record] of records) this.#takeRecord(name, record);
    this.#isSynced = true;
    this.#settle();
    return this.#drain();
  }

  /** Takes one record that is new or has changed. */
  record(name: string, record: ReadRecord): MembershipEvent[] {
    this.#takeRecord(name, record);
    this.#settle();
    return this.#drain();
  }

  /** Notes that one record is gone. */
  gone(name: string, why: 'deleted' | 'expired', now: number): MembershipEvent[] {
    if (why === 'deleted') this.#leave(name, { why });
    else this.#expire(name, now);
    this.#settle();
    return this.#drain();
  }

  /**
   * Takes the names of the nodes whose sessions are renewed. An expired node that is not among them
   * for `KEEP_MS` is removed.
   */
  renewing(names: ReadonlySet<string>, now: number): MembershipEvent[] {
    this.#renewing = names;
    for (const { name, standing, aliveAt } of this.#members.values()) {
      if (standing === 'living') continue;
      if (names.has(name)) this.#member(name).aliveAt = now;
      else if (this.#isSynced && now - aliveAt >= KEEP_MS) this.#leave(name, { why: 'silent' });
    }
    this.#settle();
    return this.#drain();
  }

  /**
   * Unix time in milliseconds at which `renewing` must be called at the latest, so that an expired
   * node is removed in time. Undefined if no node needs this call.
   */
  get deadline(): number | undefined {
    if (!this.#isSynced) return undefined;
    let first: number | undefined;
    // This code runs after every change of a node, so it creates no objects on the way through all
    // nodes.
    for (const { name, standing, aliveAt } of this.#members.values()) {
      if (standing === 'living' || this.#renewing.has(name)) continue;
      first = Math.min(first ?? Infinity, aliveAt + KEEP_MS);
    }
    return first;
  }

  /** Replaces the facts about this node. Peers that clash with the new facts are refused. */
  changeContext(context: MembershipContext): MembershipEvent[] {
    this.#context = context;
    for (const member of this.#members.values()) {
      const { name, accepted, standing } = member;
      if (!accepted) continue;
      if (!refusalInContext(accepted, context)) {
        this.#setPeer(accepted);
      } else if (standing === 'expired') {
        this.#leave(name, { why: 'refused' });
      } else {
        this.#drop(member);
        this.#claim(member, member.pending ?? accepted);
        this.#events.push({ kind: 'left', node: name, why: 'refused' });
      }
    }
    this.#settle();
    return this.#drain();
  }

  #takeRecord(name: string, record: ReadRecord): void {
    if (name === this.#context.ownName) return this.#takeOwnRecord(record);
    if (!(record instanceof RecordError) && record.revoked) {
      this.#leave(name, { why: 'deleted' });
      return;
    }
    const member = this.#member(name);
    if (!(record instanceof RecordError) && member.mark && isStale(record.keys, member.mark)) {
      const got = markOf(record.keys).newest;
      this.#events.push({ kind: 'stale', node: name, seen: member.mark.newest, got });
      return;
    }
    const isBack = this.#isSynced && member.standing === 'expired';
    if (isBack) this.#events.push({ kind: 'returned', node: name });
    member.standing = 'living';
    if (record instanceof RecordError) {
      this.#claim(member, undefined);
      this.#refuse(member, { field: record.field, reason: record.reason });
      return;
    }
    member.mark = markOf(record.keys);
    const isAsAccepted = isDeepStrictEqual(record, member.accepted);
    this.#claim(member, isAsAccepted ? undefined : record);
    if (isAsAccepted) this.#clear(member);
  }

  #takeOwnRecord(record: ReadRecord): void {
    if (record instanceof RecordError) return;
    const own = new Set(this.#context.ownKeys.map((key) => key.toBase64()));
    if (record.keys.some(({ publicKey }) => own.has(publicKey.toBase64()))) return;
    this.#events.push({ kind: 'own-name', node: record.name });
  }

  #expire(name: string, now: number): void {
    const member = this.#members.get(name);
    if (!member || member.standing === 'expired') return;
    if (!member.accepted) return this.#forget(member);
    member.standing = 'expired';
    member.aliveAt = now;
    this.#claim(member, undefined);
    this.#clear(member);
    this.#events.push({ kind: 'expired', node: name });
  }

  #leave(name: string, reason: { why: LeaveReason; by?: string }): void {
    const member = this.#members.get(name);
    if (!member) return;
    if (!member.accepted) return this.#forget(member);
    this.#members.delete(name);
    this.#claiming.delete(member);
    this.#drop(member);
    this.#events.push({ kind: 'left', node: name, ...reason });
  }

  /** Removes a node that was not a peer. */
  #forget(member: Member): void {
    this.#members.delete(member.name);
    this.#claiming.delete(member);
    this.#clear(member);
  }

  /** Reports that a refusal is over, if the refusal was reported before. */
  #clear(member: Member): void {
    if (member.reportedRefusal === '') return;
    member.reportedRefusal = '';
    this.#events.push({ kind: 'dropped', node: member.name });
  }

  #drop(member: Member): void {
    member.accepted = undefined;
    this.#claims.release(member.name);
    this.#peers.delete(member.name);
    this.#changed.add(member.name);
  }

  /**
   * Accepts every pending record that can be accepted, and reports why the others are refused. It
   * is enough to visit each member once: only accepted members can give up claims, and
   * `pendingInOrder` puts accepted members first. If each of several members claims what another
   * one of them gives up, they are accepted together.
   */
  #settle(): void {
    const waiting = pendingInOrder(this.#claiming);
    const refused = waiting.filter((member) => {
      if (!member.pending) return false;
      const taken = this.#rules.take(member, this.#context);
      if (!taken) return true;
      for (const name of taken.replaced) this.#leave(name, { why: 'replaced', by: member.name });
      for (const accepted of taken.group) this.#accept(accepted);
      return false;
    });
    for (const member of refused) {
      if (!member.pending) continue;
      this.#refuse(member, this.#rules.refusalOf(member.pending, this.#context)!);
    }
  }

  #accept(member: Member): void {
    const kind = member.accepted ? 'changed' : 'joined';
    const record = member.pending!;
    member.accepted = record;
    this.#claim(member, undefined);
    member.reportedRefusal = '';
    this.#setPeer(record);
    this.#events.push({ kind, node: member.name });
  }

  #claim(member: Member, record: NodeRecord | undefined): void {
    member.pending = record;
    if (record) this.#claiming.add(member);
    else this.#claiming.delete(member);
  }

  #setPeer(record: NodeRecord): void {
    const peer = peerOf(record, this.#context);
    if (isDeepStrictEqual(this.#peers.get(record.name), peer)) return;
    this.#peers.set(record.name, peer);
    this.#changed.add(record.name);
  }

  #refuse(member: Member, refusal: Refusal): void {
    const text = `${refusal.field}: ${refusal.reason}`;
    if (member.reportedRefusal === text) return;
    member.reportedRefusal = text;
    const keepsPeer = member.accepted !== undefined;
    this.#events.push({ kind: 'refused', node: member.name, ...refusal, keepsPeer });
  }

  #member(name: string): Member {
    const known = this.#members.get(name);
    if (known) return known;
    const member = newMember(name);
    this.#members.set(name, member);
    return member;
  }

  #drain(): MembershipEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

/**
 * In milliseconds. How long an expired node stays if its sessions are not renewed. No session lives
 * longer: Reject-After-Time (180 s), plus Rekey-Attempt-Time (90 s) for a handshake in progress
 * (WireGuard paper, section 6).
 */
const KEEP_MS = 270_000;
