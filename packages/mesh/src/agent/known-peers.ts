/**
 * `KnownPeers`: what this agent knows about the other nodes: which records were accepted as peers,
 * which peers have answered the daemon, which records have expired, and which records are refused,
 * with the reasons.
 *
 * @module
 */
import type { ChangedPeer } from '@litz/config';
import type { TunnelPeer } from '../daemon/tunnel-config.ts';
import type { MembershipContext } from '../membership/membership-context.ts';
import { describeMembershipEvent, type MembershipEvent } from '../membership/membership-event.ts';
import { Membership } from '../membership/membership.ts';
import type { MeshPeer } from '../membership/mesh-peer.ts';
import type { ReadRecord } from '../record/node-record.ts';
import type { Registry } from '../registry/registry.ts';
import type { EventLog } from './event-log.ts';
import type { PeerMemory } from './peer-memory.ts';
import { PeerSessions } from './peer-sessions.ts';
import { TunnelPeers } from './tunnel-peers.ts';

export interface KnownPeersOptions {
  /** Reads and stores the accepted peers, so that they survive a restart of the agent. */
  readonly memory: PeerMemory;
  readonly registry: Pick<Registry, 'missingMeans'>;
  readonly context: MembershipContext;
  readonly events: EventLog;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Called when peers were added, removed or changed. */
  readonly onChanged: () => void;
}

export class KnownPeers {
  readonly #options: KnownPeersOptions;
  readonly #membership: Membership;
  readonly #sessions: PeerSessions = new PeerSessions();
  readonly #tunnelPeers: TunnelPeers = new TunnelPeers();
  /** The names of the peers that may have changed since the last `takeChanged`. */
  #changed: Set<string> = new Set();
  readonly #expired: Set<string> = new Set();
  readonly #refused: Map<string, string> = new Map();
  readonly #sendingPlaintext: Set<string> = new Set();
  #syncedAt: number | undefined = undefined;
  /** The names of the nodes whose record was deleted before the first `sync`. */
  readonly #revoked: Set<string> = new Set();

  constructor(options: KnownPeersOptions) {
    this.#options = options;
    this.#membership = new Membership(options.context);
  }

  /** The accepted peers by name. A peer's object stays the same until the peer changes. */
  get all(): ReadonlyMap<string, MeshPeer> {
    return this.#membership.peers;
  }

  /** The names of the peers that have had a handshake. A change creates a new set. */
  get answered(): ReadonlySet<string> {
    return this.#sessions.answered;
  }

  /** True if every accepted peer has had a handshake and encrypts what it sends. */
  get areAllReady(): boolean {
    return this.answered.size === this.all.size && this.#sendingPlaintext.size === 0;
  }

  get unanswered(): readonly string[] {
    const { answered } = this;
    return [...this.all.keys()].filter((name) => !answered.has(name));
  }

  /** The names of the peers whose record says that their enforcement is `off`. */
  get sendingPlaintext(): readonly string[] {
    return [...this.#sendingPlaintext];
  }

  /** The names of the peers whose record has expired. */
  get expired(): ReadonlySet<string> {
    return this.#expired;
  }

  /** The reason for each refused record, by node name. */
  get refused(): ReadonlyMap<string, string> {
    return this.#refused;
  }

  /**
   * The names of the nodes that are not peers and whose record is refused. `enforce` cuts these
   * nodes off and does not wait for them. If it waited, anybody who can write to the registry could
   * prevent `enforce` with a bad record.
   */
  get refusedNodes(): readonly string[] {
    return [...this.#refused.keys()].filter((name) => !this.all.has(name));
  }

  /** True if the registry was read completely at least once. */
  get isSynced(): boolean {
    return this.#syncedAt !== undefined;
  }

  /** Unix time in milliseconds of the last complete read of the registry. */
  get syncedAt(): number | undefined {
    return this.#syncedAt;
  }

  get sessions(): Pick<PeerSessions, 'hasAnswered' | 'stateOf' | 'withoutSessionOf'> {
    return this.#sessions;
  }

  /** Takes a complete list of the registry's records. */
  sync(records: ReadonlyMap<string, ReadRecord>): void {
    const isFirst = this.#syncedAt === undefined;
    this.#syncedAt = this.#options.now();
    if (isFirst) this.#remember(records, this.#syncedAt);
    this.#note(this.#membership.sync(records, this.#syncedAt));
    if (isFirst) this.#options.memory.open(this.all);
  }

  /** Takes one record that is new or has changed. */
  record(name: string, record: ReadRecord): void {
    this.#note(this.#membership.record(name, record));
  }

  gone(name: string, why: 'deleted' | 'expired'): void {
    if (!this.isSynced && why === 'deleted') this.#revoked.add(name);
    this.#note(this.#membership.gone(name, why, this.#options.now()));
  }

  /** Replaces the facts about this node that decide which records it accepts. */
  changeContext(context: MembershipContext): void {
    this.#note(this.#membership.changeContext(context));
  }

  /**
   * Takes the changes of peers that the daemon reports.
   *
   * @returns `answeredChanged`: the set of peers that have answered has changed; `isAboutPeers`:
   *   the changes concerned at least one accepted peer
   */
  takeChanges(
    changes: readonly ChangedPeer[],
    isResync: boolean,
  ): { readonly answeredChanged: boolean; readonly isAboutPeers: boolean } {
    const { answered } = this;
    const touched = this.#sessions.take(changes, isResync);
    this.#suspect(touched);
    return { answeredChanged: answered !== this.answered, isAboutPeers: touched.size > 0 };
  }

  /** Forgets all sessions, because the daemon has ended. */
  loseSessions(): void {
    this.#suspect(this.answered);
    this.#sessions.clear();
  }

  /**
   * Tells the membership which of the peers with an expired record still renew their sessions. The
   * membership removes the others.
   */
  noteRenewals(): void {
    if (this.#expired.size === 0) return;
    const now = this.#options.now();
    const names = [...this.#expired].filter(
      (name) => (this.#sessions.stateOf(name)?.lastHandshakeUnixMs ?? 0) > now - SESSION_MS,
    );
    const events = this.#membership.renewing(new Set(names), now);
    if (events.length > 0) this.#note(events);
  }

  /**
   * Unix time in milliseconds at which `noteRenewals` must be called again. Undefined: no record
   * has expired.
   */
  get renewalsDueAt(): number | undefined {
    if (this.#expired.size === 0) return undefined;
    // `Membership.deadline` skips the peers whose sessions are still renewed. These peers must be
    // checked at `next`.
    const next = this.#options.now() + SESSION_MS / 2;
    return Math.min(next, this.#membership.deadline ?? next);
  }

  /**
   * Returns the names of the peers that may have changed since the last call. A peer changes when
   * its record or its sessions change, and when its record expires. With these names, a round does
   * not have to look at all peers: a mesh may have 5,000.
   */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /**
   * Puts back names that `takeChanged` returned, because the round that took them failed. The next
   * `takeChanged` returns them again.
   */
  putBack(changed: ReadonlySet<string>): void {
    this.#suspect(changed);
  }

  /**
   * Returns the peers as the daemon must have them, always in the same map. Peers that have not
   * answered or whose record has expired get keepalives, so that the daemon tries to reach them.
   *
   * @param changed the names of the peers that may have changed since the last call
   * @param persistentKeepalive in seconds, for peers that have answered
   */
  tunnelPeers(
    changed: ReadonlySet<string>,
    persistentKeepalive: number,
  ): ReadonlyMap<string, TunnelPeer> {
    const { answered, expired } = this;
    const asked = persistentKeepalive === 0 ? REACHING_KEEPALIVE : persistentKeepalive;
    for (const name of changed) {
      const isQuiet = answered.has(name) && !expired.has(name);
      this.#tunnelPeers.set(name, this.all.get(name), isQuiet ? persistentKeepalive : asked);
    }
    return this.#tunnelPeers.byName;
  }

  /**
   * Peers that were accepted before a restart keep their keys and prefixes if the registry still
   * has their record. If a missing record means in this registry that the record has expired, they
   * keep them without a record too.
   */
  #remember(records: ReadonlyMap<string, ReadRecord>, now: number): void {
    const { memory, registry } = this.#options;
    const remembered = [...memory.read().values()].filter(
      ({ name }) =>
        records.has(name) || (registry.missingMeans === 'expired' && !this.#revoked.has(name)),
    );
    this.#membership.remember(remembered, now);
  }

  #note(events: readonly MembershipEvent[]): void {
    for (const event of events) {
      const isBad = event.kind === 'refused' || event.kind === 'own-name';
      const level = isBad ? 'warning' : 'info';
      this.#options.events.log(describeMembershipEvent(event), { level, peer: event.node });
      this.#noteRefusal(event);
      if (event.kind === 'expired') this.#expired.add(event.node);
      else if (event.kind === 'returned' || event.kind === 'left') this.#expired.delete(event.node);
      this.#changed.add(event.node);
    }
    const changed = this.#membership.takeChanged();
    for (const name of changed) {
      if (this.all.get(name)?.sendsPlaintext === true) this.#sendingPlaintext.add(name);
      else this.#sendingPlaintext.delete(name);
    }
    this.#sessions.setPeers(this.all, changed);
    this.#options.memory.note(changed, this.all);
    this.#suspect(changed);
    this.#options.onChanged();
  }

  #suspect(names: Iterable<string>): void {
    for (const name of names) this.#changed.add(name);
  }

  #noteRefusal(event: MembershipEvent): void {
    if (event.kind === 'refused') this.#refused.set(event.node, `${event.field}: ${event.reason}`);
    else if (event.kind !== 'stale' && event.kind !== 'expired') this.#refused.delete(event.node);
  }
}

/** In seconds. The keepalive that makes the daemon try to reach a peer. */
const REACHING_KEEPALIVE = 25;
/** In milliseconds: Reject-After-Time of WireGuard. No session is older. */
const SESSION_MS = 180_000;
