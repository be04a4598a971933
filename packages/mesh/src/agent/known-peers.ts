/**
 * `KnownPeers`: the other nodes as they stand: whom the registry's records make a peer, who has answered
 * the daemon, whose record has expired, and what of whom is refused.
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
  /** The peers of the agent before. */
  readonly memory: PeerMemory;
  readonly registry: Pick<Registry, 'missingMeans'>;
  readonly context: MembershipContext;
  readonly events: EventLog;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Peers came, went or changed. */
  readonly onChanged: () => void;
}

export class KnownPeers {
  readonly #options: KnownPeersOptions;
  #membership: Membership;
  #context: MembershipContext;
  readonly #sessions: PeerSessions = new PeerSessions();
  readonly #tunnelPeers: TunnelPeers = new TunnelPeers();
  /** Names of those that may be others than at the last `takeChanged`. */
  #changed: Set<string> = new Set();
  readonly #expired: Set<string> = new Set();
  readonly #refused: Map<string, string> = new Map();
  #syncedAt: number | undefined = undefined;
  /** Names of revoked nodes: they are told of before the first `sync`. */
  readonly #revoked: Set<string> = new Set();

  constructor(options: KnownPeersOptions) {
    this.#options = options;
    this.#context = options.context;
    this.#membership = new Membership(options.context, { now: options.now() });
  }

  /** The accepted ones, by name. The same object for as long as nothing changes of a peer. */
  get all(): ReadonlyMap<string, MeshPeer> {
    return this.#membership.peers;
  }

  /** Names of those that have had a handshake. Replaced, never changed. */
  get answered(): ReadonlySet<string> {
    return this.#sessions.answered;
  }

  /** Everybody has had a handshake. */
  get haveAllAnswered(): boolean {
    return this.answered.size === this.all.size;
  }

  get unanswered(): readonly string[] {
    const { answered } = this;
    return [...this.all.keys()].filter((name) => !answered.has(name));
  }

  /** Names of those whose record has expired. */
  get expired(): ReadonlySet<string> {
    return this.#expired;
  }

  /** Of which nodes something is refused now, and why. */
  get refused(): ReadonlyMap<string, string> {
    return this.#refused;
  }

  /** The registry was read whole, once at least. */
  get isSynced(): boolean {
    return this.#syncedAt !== undefined;
  }

  /** Unix time of the last whole reading. */
  get syncedAt(): number | undefined {
    return this.#syncedAt;
  }

  get sessions(): Pick<PeerSessions, 'hasAnswered' | 'stateOf' | 'withoutSessionOf'> {
    return this.#sessions;
  }

  /** All that the registry holds. */
  sync(records: ReadonlyMap<string, ReadRecord>): void {
    const isFirst = this.#syncedAt === undefined;
    this.#syncedAt = this.#options.now();
    if (isFirst) this.#remember(records);
    this.#note(this.#membership.sync(records, this.#syncedAt));
    if (isFirst) this.#options.memory.open(this.all);
  }

  /** One record is new or has changed. */
  record(name: string, record: ReadRecord): void {
    this.#note(this.#membership.record(name, record));
  }

  gone(name: string, why: 'deleted' | 'expired'): void {
    if (!this.isSynced) this.#revoked.add(name);
    this.#note(this.#membership.gone(name, why, this.#options.now()));
  }

  /** Something of the own node has changed that decides whom it accepts. */
  changeContext(context: MembershipContext): void {
    this.#context = context;
    this.#note(this.#membership.changeContext(context));
  }

  /**
   * What the daemon tells.
   *
   * @returns whether others than before have answered, and whether it was about any of the peers
   */
  hear(
    changes: readonly ChangedPeer[],
    isResync: boolean,
  ): { readonly answeredOthers: boolean; readonly isAboutPeers: boolean } {
    const { answered } = this;
    const touched = this.#sessions.take(changes, isResync);
    this.#suspect(touched);
    return { answeredOthers: answered !== this.answered, isAboutPeers: touched.size > 0 };
  }

  /** The daemon is gone, and all sessions with it. */
  loseSessions(): void {
    this.#suspect(this.answered);
    this.#sessions.clear();
  }

  /** Lets those go whose record has expired and whose sessions renew no more. */
  noteRenewals(): void {
    if (this.#expired.size === 0) return;
    const now = this.#options.now();
    const names = [...this.#expired].filter(
      (name) => (this.#sessions.stateOf(name)?.lastHandshakeUnixMs ?? 0) > now - SESSION_MS,
    );
    const events = this.#membership.renewing(new Set(names), now);
    if (events.length > 0) this.#note(events);
  }

  /** When `noteRenewals` is to be called again, as Unix time; undefined: not by itself. */
  get renewalsDueAt(): number | undefined {
    if (this.#expired.size === 0) return undefined;
    // Whose sessions renew has none of them: its next one is due by then.
    const next = this.#options.now() + SESSION_MS / 2;
    return Math.min(next, this.#membership.deadline ?? next);
  }

  /**
   * Names of those of whom something is different since the last call: the record, an answer, or whether
   * the record has expired. Of 5,000 peers one changes, and nobody looks at the others.
   */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /** Whoever took them could not do what follows from them. */
  putBack(changed: ReadonlySet<string>): void {
    this.#suspect(changed);
  }

  /**
   * As the daemon is to have them; always the same map. It asks whoever has not answered, or has expired,
   * again and again.
   *
   * @param changed names of those that may be others than in the call before
   * @param persistentKeepalive seconds, of those that have answered
   */
  tunnelPeers(
    changed: ReadonlySet<string>,
    persistentKeepalive: number,
  ): ReadonlyMap<string, TunnelPeer> {
    const { answered, expired } = this;
    const asked = persistentKeepalive === 0 ? ASKING_KEEPALIVE : persistentKeepalive;
    for (const name of changed) {
      const isQuiet = answered.has(name) && !expired.has(name);
      this.#tunnelPeers.set(name, this.all.get(name), isQuiet ? persistentKeepalive : asked);
    }
    return this.#tunnelPeers.byName;
  }

  /** Those that were accepted before a restart keep what they hold, if the registry still has them. */
  #remember(records: ReadonlyMap<string, ReadRecord>): void {
    const { memory, registry, now } = this.#options;
    const remembered = [...memory.read().values()].filter(
      ({ name }) =>
        records.has(name) || (registry.missingMeans === 'expired' && !this.#revoked.has(name)),
    );
    this.#membership = new Membership(this.#context, { remembered, now: now() });
  }

  #note(events: readonly MembershipEvent[]): void {
    for (const event of events) {
      const isBad = event.kind === 'refused' || event.kind === 'own-name';
      const level = isBad ? 'warning' : 'info';
      this.#options.events.say(describeMembershipEvent(event), { level, peer: event.node });
      this.#noteRefusal(event);
      if (event.kind === 'expired') this.#expired.add(event.node);
      else if (event.kind === 'returned' || event.kind === 'left') this.#expired.delete(event.node);
      this.#changed.add(event.node);
    }
    const changed = this.#membership.takeChanged();
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

/** Seconds. */
const ASKING_KEEPALIVE = 25;
/** Reject-After-Time: no session is older. */
const SESSION_MS = 180_000;
