/**
 * `Agent`: joins registry, membership, keys, daemon and machine.
 *
 * ```
 *   registry -> membership -> accepted peers --+--> daemon   (UAPI, by differences)
 *   keys ----------------------+               +--> machine  (routes, rules, nftables)
 *   daemon -> who has answered-+---------------+--> own record
 * ```
 * Whatever changes asks for one more round, in which everything that follows from the present state is
 * done. No packet goes through it. When it ends, everything stays as it is and goes on; the next one
 * takes over what it finds.
 *
 * @module
 */
import { formatCidr, type Cidr } from '@litz/core';
import { keyId } from '@litz/core/internals';
import type { DevicePeerStatus } from '@litz/config';
import { TunnelDaemon, type DaemonClient } from '../daemon/tunnel-daemon.ts';
import type { TunnelPeer } from '../daemon/tunnel-config.ts';
import type { HostFacts } from '../host/host-facts.ts';
import type { MeshHost } from '../host/mesh-host.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { Identities, KeysPlan } from '../keys/rotation.ts';
import type { MembershipContext } from '../membership/membership-context.ts';
import { describeMembershipEvent, type MembershipEvent } from '../membership/membership-event.ts';
import { Membership } from '../membership/membership.ts';
import type { MeshPeer } from '../membership/mesh-peer.ts';
import { desireHost, encryptsOwnNode } from '../plan/desire-host.ts';
import type { EncryptMode, Enforcement, MeshRequest } from '../plan/desired-host.ts';
import { isException } from '../plan/mesh-rule.ts';
import { RecordError, type NodeRecord, type ReadRecord } from '../record/node-record.ts';
import type { Registry, RegistryAddress } from '../registry/registry.ts';
import type { MeshStatus, StatusSource } from '../status/mesh-status.ts';
import type { AgentSettings, Choices } from './agent-settings.ts';
import { describeAgent } from './describe-agent.ts';
import { EnforcementGate } from './enforcement-gate.ts';
import { EventLog } from './event-log.ts';
import { NodeKeys } from './node-keys.ts';
import { PeerSessions } from './peer-sessions.ts';
import type { PrefixSource } from './prefix-source.ts';
import { RecordPublisher } from './record-publisher.ts';
import { Rounds } from './rounds.ts';
import { SavedChoices } from './saved-choices.ts';
import { tunnelPeerOf } from './tunnel-peers.ts';

export interface AgentParts {
  readonly registry: Registry;
  readonly host: MeshHost;
  readonly client: DaemonClient;
  readonly prefixes: PrefixSource;
  readonly keys: KeyStore;
  /** Gets a line for each thing that happens. */
  readonly log: (line: string) => void;
  /** Unix time in milliseconds. */
  readonly now?: () => number;
}

/** What somebody asked of the agent can't be done. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
}

export class Agent implements StatusSource {
  readonly settings: AgentSettings;
  readonly events: EventLog;
  readonly #parts: AgentParts;
  readonly #now: () => number;
  readonly #choices: SavedChoices;
  readonly #gate: EnforcementGate;
  readonly #keys: NodeKeys;
  readonly #membership: Membership;
  readonly #sessions: PeerSessions = new PeerSessions();
  /** Names of peers whose record has expired. */
  readonly #expired: Set<string> = new Set();
  readonly #daemon: TunnelDaemon;
  readonly #publisher: RecordPublisher;
  readonly #rounds: Rounds;
  #isLaid = false;
  #readiedBy!: () => void;
  readonly #readied: Promise<void> = new Promise((resolve) => (this.#readiedBy = resolve));
  #endedBy!: () => void;
  readonly #ended: Promise<void> = new Promise((resolve) => (this.#endedBy = resolve));
  /** As the registry has it; undefined while that is not known. */
  #ownRecord: NodeRecord | 'none' | 'revoked' | undefined = undefined;
  #isSynced = false;
  #syncedAt: number | undefined = undefined;
  readonly #startedAt: number;
  /** Of which nodes something is refused now, and why. */
  readonly #refused: Map<string, string> = new Map();
  #prefixes: readonly Readonly<Cidr>[] | undefined = undefined;
  #facts: HostFacts | undefined = undefined;
  #factsAreOld = true;
  #registryAddresses: readonly RegistryAddress[] | undefined = undefined;
  #applied: {
    readonly mark: number;
    readonly mtu: number | undefined;
    addresses: string[];
    exceptions: string[];
  } = {
    mark: 0,
    mtu: undefined,
    addresses: [],
    exceptions: [],
  };
  #plan: KeysPlan | undefined = undefined;
  #addressTimer: NodeJS.Timeout | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isClosed = false;

  /**
   * Makes the node's key at the first start.
   *
   * @throws {KeyFileError} the key can't be used or not be made
   */
  constructor(settings: AgentSettings, parts: AgentParts) {
    const { mode, enforcement, stateFolder, interfaceName } = settings;
    this.settings = settings;
    this.#parts = parts;
    this.#now = parts.now ?? Date.now;
    this.#startedAt = this.#now();
    this.events = new EventLog(parts.log, this.#now);
    this.#choices = new SavedChoices(stateFolder, interfaceName, { mode, enforcement });
    this.#gate = new EnforcementGate(this.#choices.hasEnforced || settings.force);
    this.#keys = new NodeKeys({
      store: parts.keys,
      rotateTimeoutMs: settings.rotateTimeoutMs,
      now: this.#now,
      log: (line) => this.events.say(line),
    });
    this.#membership = new Membership(this.#context(), { now: this.#now() });
    this.#daemon = this.#followedDaemon();
    this.#publisher = new RecordPublisher({
      registry: parts.registry,
      onTrouble: (trouble) => this.events.trouble('own record', trouble),
      onPublished: (record) => {
        this.#ownRecord = record;
        this.events.say(`wrote the record: ${describeRecord(record)}`);
        this.#rounds.ask();
      },
    });
    this.#rounds = new Rounds(() => this.#round(), {
      delayMs: ROUND_DELAY_MS,
      onFailure: (error) => {
        this.events.trouble('agent', error.message);
        this.#rounds.ask(RETRY_MS);
      },
    });
  }

  /** Everything that is known was laid at least once, and the daemon answers. */
  get isReady(): boolean {
    return this.#isLaid && this.#daemon.isUp;
  }

  /** Resolves when it is ready for the first time. */
  get ready(): Promise<void> {
    return this.#readied;
  }

  /** Resolves when `down` was asked for and is done, or when it was closed. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  start(): void {
    const { host, prefixes, registry } = this.#parts;
    host.watch({
      onRepaired: (steps) =>
        this.events.say(`somebody changed this, and it is back: ${steps.length} steps`),
      onLink: (index) => {
        if (index !== undefined)
          this.events.say(`${this.settings.interfaceName} is there (${index})`);
        this.#oldFacts();
      },
      onUnderlay: () => this.#oldFacts(),
      onTrouble: (trouble) => this.events.trouble('host', trouble),
    });
    prefixes.follow({
      onPrefixes: (found) => {
        this.#prefixes = found;
        this.#contextChanged();
      },
      onTrouble: (trouble) => this.events.trouble('own prefixes', trouble),
    });
    registry.follow({
      onSync: (records) => this.#synced(records),
      onRecord: (name, record) => this.#told(name, record),
      onGone: (name, why) => this.#goneFrom(name, why),
      onConnection: (trouble) => this.events.trouble('registry', trouble),
    });
    this.#daemon.start();
    void this.#findAddresses();
    this.#rounds.ask(0);
  }

  /** Ends, and leaves everything as it is. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#addressTimer);
    clearTimeout(this.#timer);
    this.#publisher.close();
    this.#parts.prefixes.close();
    await this.#rounds.close();
    await this.#daemon.close();
    await this.#parts.registry.close();
    this.#parts.host.close();
    this.#endedBy();
  }

  async status(): Promise<MeshStatus> {
    const { settings } = this;
    const { chosen, enforcement } = this.#holding();
    const counters = await this.#counters();
    const { description } = this.#parts.registry;
    return describeAgent({
      settings,
      time: this.#now(),
      startedAt: this.#startedAt,
      prefixes: this.#prefixes ?? [],
      chosen,
      enforcement,
      keys: this.#keys.keys,
      waitsFor: this.#plan?.waitsFor ?? [],
      exceptions: this.#applied.exceptions,
      mtu: this.#applied.mtu,
      addresses: this.#applied.addresses,
      isUp: this.#daemon.isUp,
      registry: { description, trouble: this.events.troubleOf('registry') },
      syncedAt: this.#syncedAt,
      peers: this.#membership.peers,
      refused: this.#refused,
      expired: this.#expired,
      hasAnswered: (name) => this.#sessions.hasAnswered(name),
      sessionOf: (name) => this.#sessions.stateOf(name),
      counters,
      events: this.events.events,
      troubles: this.events.troubles,
    });
  }

  /**
   * Makes a new key, and lets the others go over to it.
   *
   * @returns what happens now, in words
   * @throws {RotationError} a rotation goes on already
   */
  rotateKey(options: { readonly revoke?: boolean } = {}): string {
    const { generation, publicKey } = this.#keys.rotate(options);
    const what = options.revoke === true ? 'the old key is revoked, the new one is' : 'new key:';
    const text = `${what} generation ${generation} ${publicKey.toBase64()}`;
    this.events.say(text);
    this.#contextChanged();
    return text;
  }

  /**
   * @throws {AgentError} `enforce` isn't possible: peers haven't answered, or the cluster's prefixes
   *   aren't known
   * @throws {MeshHostError} it can't be held on this machine
   */
  async setEnforcement(
    enforcement: Enforcement,
    options: { readonly force?: boolean } = {},
  ): Promise<string> {
    const { chosen, unanswered } = this.#holding();
    if (enforcement === 'enforce') {
      if (this.settings.clusterPrefixes.length === 0) throw new AgentError(NEEDS_CLUSTER_PREFIX);
      if (!this.#isSynced && options.force !== true) throw new AgentError(NOT_SYNCED);
      if (unanswered.length > 0 && options.force !== true) {
        throw new AgentError(
          `enforce is refused: no answer yet from ${unanswered.join(', ')}. ` +
            'Packets to them would be lost; --force does it all the same',
        );
      }
      this.#gate.open();
    }
    return this.#choose({ ...chosen, enforcement }, `enforcement is ${enforcement}`);
  }

  async setMode(mode: EncryptMode): Promise<string> {
    return this.#choose({ ...this.#choices.current, mode }, `encrypts ${mode}`);
  }

  /** Takes the node out: machine as it was, record revoked, daemon without keys. Then it ends. */
  async down(): Promise<string> {
    const { host, registry, client } = this.#parts;
    const { current } = this.#choices;
    this.#choices.save({ ...current, enforcement: 'off' }, { isDown: true });
    this.#publisher.close();
    await this.#rounds.close();
    // First our packets go the old way; what the others still send through the tunnel is taken.
    const { troubles } = await host.remove();
    await registry.withdraw(this.settings.node);
    await new Promise((resolve) => setTimeout(resolve, DOWN_GRACE_MS));
    const { isUp } = this.#daemon;
    await this.#daemon.close();
    if (isUp) await client.set(NOTHING_CONFIGURED);
    const text = ['the node is out, and the machine as it was', ...troubles].join('; ');
    this.events.say(text);
    void this.close();
    return text;
  }

  #followedDaemon(): TunnelDaemon {
    return new TunnelDaemon({
      client: this.#parts.client,
      privateKeyOf: (publicKey) => this.#keys.privateKeyOf(publicKey),
      listener: {
        onUp: () => {
          this.events.say('the daemon is there');
          this.#rounds.ask(0);
        },
        onDown: (reason) => {
          this.#sessions.clear();
          this.events.say(`the daemon is gone: ${reason}`);
          this.#rounds.ask(0);
        },
        onPeers: (changes, isResync) => {
          const { answered } = this.#sessions;
          const touched = this.#sessions.take(changes, isResync);
          const isRotating = this.#keys.keys.length > 1 && touched.size > 0;
          if (answered !== this.#sessions.answered || isRotating) this.#rounds.ask();
        },
        onTrouble: (trouble) => this.events.trouble('daemon', trouble),
      },
    });
  }

  #synced(records: ReadonlyMap<string, ReadRecord>): void {
    const own = records.get(this.settings.node);
    if (this.#ownRecord !== 'revoked') this.#seeOwn(own);
    this.#isSynced = true;
    this.#syncedAt = this.#now();
    this.#noteMembers(this.#membership.sync(records, this.#now()));
  }

  #told(name: string, record: ReadRecord): void {
    if (name === this.settings.node) {
      this.#ownRecord = undefined;
      this.#seeOwn(record);
      this.#rounds.ask();
    } else {
      this.#noteMembers(this.#membership.record(name, record));
    }
  }

  #goneFrom(name: string, why: 'deleted' | 'expired'): void {
    if (name !== this.settings.node) {
      this.#noteMembers(this.#membership.gone(name, why, this.#now()));
      return;
    }
    // Whoever took this node out is to be sure of it; a node that left by itself comes back.
    const isOut = why === 'deleted' && !this.#choices.isDown;
    this.#ownRecord = isOut ? 'revoked' : 'none';
    if (isOut) this.events.trouble('own record', THROWN_OUT);
    else this.#publisher.seen(undefined);
    this.#rounds.ask();
  }

  /** A record of ours that can't be read is written anew. */
  #seeOwn(record: ReadRecord | undefined): void {
    const readable = record instanceof RecordError ? undefined : record;
    this.#ownRecord = readable ?? 'none';
    this.#publisher.seen(readable);
  }

  /** Something of this node has changed that decides whom it accepts. */
  #contextChanged(): void {
    this.#noteMembers(this.#membership.changeContext(this.#context()));
  }

  #context(): MembershipContext {
    const { settings } = this;
    return {
      ownName: settings.node,
      ownKeys: this.#keys.keys.map(({ publicKey }) => publicKey),
      ownAddresses: settings.addresses,
      ownPrefixes: this.#prefixes ?? [],
      registryAddresses: (this.#registryAddresses ?? []).map(({ address }) => address),
      servicePrefixes: settings.servicePrefixes,
      clusterPrefixes: settings.clusterPrefixes,
    };
  }

  #noteMembers(events: readonly MembershipEvent[]): void {
    for (const event of events) {
      const isBad = event.kind === 'refused' || event.kind === 'own-name';
      const level = isBad ? 'warning' : 'info';
      this.events.say(describeMembershipEvent(event), { level, peer: event.node });
      if (event.kind === 'refused')
        this.#refused.set(event.node, `${event.field}: ${event.reason}`);
      else if (event.kind !== 'stale' && event.kind !== 'expired') this.#refused.delete(event.node);
      if (event.kind === 'expired') this.#expired.add(event.node);
      else if (event.kind === 'returned' || event.kind === 'left') this.#expired.delete(event.node);
    }
    this.#sessions.setPeers(this.#membership.peers);
    this.#factsAreOld ||= this.#membership.peers.size <= FEW_PEERS;
    this.#rounds.ask();
  }

  #oldFacts(): void {
    this.#factsAreOld = true;
    this.#rounds.ask();
  }

  /** What is asked for, and what holds. */
  #holding(): {
    readonly chosen: Choices;
    readonly enforcement: Enforcement;
    readonly unanswered: readonly string[];
  } {
    const chosen = this.#choices.current;
    const { answered } = this.#sessions;
    const unanswered = [...this.#membership.peers.keys()].filter((name) => !answered.has(name));
    const enforcement = this.#gate.effective({
      wanted: chosen.enforcement,
      isSynced: this.#isSynced,
      unanswered,
    });
    return { chosen, enforcement, unanswered };
  }

  async #choose(chosen: Choices, text: string): Promise<string> {
    const before = this.#choices.current;
    this.#choices.save(chosen);
    try {
      await this.#rounds.now();
    } catch (error) {
      this.#choices.save(before);
      this.#rounds.ask(0);
      throw error;
    }
    this.events.say(text);
    return text;
  }

  async #round(): Promise<void> {
    this.#noteRenewals();
    const recordKeys = this.#recordKeys();
    const { identities } = this.#daemon;
    const plan = this.#keys.plan({
      recordKeys,
      daemon: identities,
      unanswered: (own) => this.#sessions.withoutSessionOf(own),
    });
    this.#plan = plan;
    await this.#renewFacts();
    const { chosen, enforcement } = this.#holding();
    const request = this.#request(chosen.mode, enforcement);
    const desired = request && desireHost(request);
    // Until they were read, nobody knows which of the daemon's peers are to go.
    if (this.#isSynced) {
      const { answered } = this.#sessions;
      const peers = new Map(
        [...this.#membership.peers].map(([name, peer]) => [name, this.#tunnelPeer(peer, answered)]),
      );
      const common = {
        own: plan.own.publicKey,
        next: plan.next?.publicKey,
        listenPort: this.settings.port,
        peers,
      };
      const mark = desired?.mark ?? this.#applied.mark;
      await this.#daemon.program({ ...common, fwmark: mark || this.#applied.mark });
      if (desired) await this.#apply(desired);
      if (mark === 0 && desired) await this.#daemon.program({ ...common, fwmark: 0 });
    }
    this.#publish(plan);
    this.#isLaid ||= this.#isSynced && desired !== undefined && this.#daemon.isUp;
    if (this.#isLaid) this.#readiedBy();
    // What it has learnt now may be what the keys waited for.
    if (!isSameIdentity(identities, this.#daemon.identities)) this.#rounds.ask(0);
    if (enforcement === 'enforce' && enforcement === chosen.enforcement) this.#choices.save(chosen);
    this.events.trouble('agent', undefined);
    if (plan.obsolete) {
      this.#keys.forget(plan.obsolete);
      this.events.say(`the rotation is over: generation ${plan.own.generation} is the key`);
      this.#contextChanged();
    }
    this.#setTimer();
  }

  /** A peer whose record has expired stays for as long as its sessions renew. */
  #noteRenewals(): void {
    const { deadline } = this.#membership;
    if (deadline === undefined) return;
    const since = this.#now() - SESSION_MS;
    const names = [...this.#expired].filter(
      (name) => (this.#sessions.stateOf(name)?.lastHandshakeUnixMs ?? 0) > since,
    );
    const events = this.#membership.renewing(new Set(names), this.#now());
    if (events.length > 0) this.#noteMembers(events);
  }

  #recordKeys(): NodeRecord['keys'] | undefined {
    if (this.#ownRecord === undefined) return undefined;
    return typeof this.#ownRecord === 'string' ? [] : this.#ownRecord.keys;
  }

  #tunnelPeer(peer: MeshPeer, answered: ReadonlySet<string>): TunnelPeer {
    const { persistentKeepalive } = this.settings;
    // It makes the daemon ask a peer, again and again, until that answers.
    const asked = persistentKeepalive === 0 ? ASKING_KEEPALIVE : persistentKeepalive;
    const isQuiet = answered.has(peer.name) && !this.#expired.has(peer.name);
    return tunnelPeerOf(peer, isQuiet ? persistentKeepalive : asked);
  }

  async #renewFacts(): Promise<void> {
    if (!this.#factsAreOld && this.#facts) return;
    this.#factsAreOld = false;
    const { interfaceName, port, addresses } = this.settings;
    this.#facts = await this.#parts.host.facts({
      interfaceName,
      port,
      peers: [...this.#membership.peers.values()],
      nodeAddresses: addresses,
      ...(this.#prefixes && { prefixes: this.#prefixes }),
    });
  }

  /** undefined: not enough is known yet to change anything. */
  #request(mode: EncryptMode, enforcement: Enforcement): MeshRequest | undefined {
    const { settings } = this;
    const own = { addresses: settings.addresses, encryptsNode: settings.encryptsNode };
    const needsAddresses = encryptsOwnNode({ mode, own: { ...own, prefixes: [] } });
    if (!this.#facts || !this.#prefixes || (needsAddresses && !this.#registryAddresses)) {
      return undefined;
    }
    return {
      interfaceName: settings.interfaceName,
      port: settings.port,
      mode,
      enforcement,
      own: { ...own, prefixes: this.#prefixes },
      peers: [...this.#membership.peers.values()],
      answered: this.#sessions.answered,
      clusterPrefixes: settings.clusterPrefixes,
      registryAddresses: this.#registryAddresses ?? [],
      underlay: this.#facts.underlay,
    };
  }

  async #apply(desired: ReturnType<typeof desireHost>): Promise<void> {
    const { troubles } = await this.#parts.host.apply(desired);
    this.events.trouble('host', troubles.length > 0 ? troubles.join('; ') : undefined);
    this.#applied = {
      mark: desired.mark,
      mtu: desired.link?.mtu,
      addresses: (desired.link?.addresses ?? []).map(formatCidr),
      exceptions: [...desired.rules.values()].filter(isException).map(({ text }) => text),
    };
  }

  #publish({ published }: KeysPlan): void {
    if (!published || !this.#prefixes || this.#ownRecord === 'revoked') return;
    const { node, addresses, port, encryptsNode } = this.settings;
    this.#publisher.want({
      name: node,
      addresses,
      port,
      keys: published,
      prefixes: this.#prefixes.map((prefix) => ({ ...prefix })),
      encryptsNode: encryptsNode || this.#choices.current.mode === 'all',
      revoked: false,
    });
  }

  /** The next thing that only time brings. */
  #setTimer(): void {
    clearTimeout(this.#timer);
    const { rotateEveryMs } = this.settings;
    const [key, next] = this.#keys.keys;
    const due: number[] = [];
    if (this.#keys.dueAt !== undefined) due.push(this.#keys.dueAt);
    if (this.#expired.size > 0) due.push(this.#now() + SESSION_MS / 2);
    if (key && !next && rotateEveryMs !== undefined) due.push(key.createdAt + rotateEveryMs);
    if (due.length === 0 || this.#isClosed) return;
    const wait = Math.min(Math.max(Math.min(...due) - this.#now(), 0), LONGEST_WAIT_MS);
    this.#timer = setTimeout(() => this.#timeCame(), wait);
  }

  #timeCame(): void {
    const { rotateEveryMs } = this.settings;
    const [key, next] = this.#keys.keys;
    const isOld =
      key && !next && rotateEveryMs !== undefined && this.#now() >= key.createdAt + rotateEveryMs;
    if (isOld) this.rotateKey();
    else this.#rounds.ask(0);
  }

  async #findAddresses(): Promise<void> {
    let again = ADDRESSES_AGAIN_MS;
    try {
      this.#registryAddresses = await this.#parts.registry.addresses();
      this.events.trouble("the registry's addresses", undefined);
      this.#contextChanged();
    } catch (error) {
      this.events.trouble("the registry's addresses", (error as Error).message);
      again = RETRY_MS;
    }
    if (!this.#isClosed) this.#addressTimer = setTimeout(() => void this.#findAddresses(), again);
  }

  /** By `keyId`. */
  async #counters(): Promise<ReadonlyMap<string, DevicePeerStatus>> {
    if (!this.#daemon.isUp) return new Map();
    try {
      const { peers } = await this.#daemon.status();
      return new Map(peers.map((peer) => [keyId(peer.publicKey), peer]));
    } catch {
      // It has just gone, which is told by itself.
      return new Map();
    }
  }
}

function isSameIdentity(a: Identities | undefined, b: Identities | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && identityText(a) === identityText(b));
}

function identityText({ own, next }: Identities): string {
  return `${own?.toBase64()} ${next?.toBase64()}`;
}

function describeRecord({ keys, prefixes }: NodeRecord): string {
  const generations = keys.map(({ generation }) => generation).join(' and ');
  return `generation ${generations}, pods ${prefixes.map(formatCidr).join(' ') || 'none'}`;
}

const NOTHING_CONFIGURED = { privateKey: null, replacePeers: true, listenPort: 0, fwmark: 0 };
const NEEDS_CLUSTER_PREFIX =
  'enforce has to know which addresses are pods: start the agent with --cluster-prefix CIDR,...';
const NOT_SYNCED =
  'enforce is refused: the registry was not read yet; --force does it all the same';
const THROWN_OUT =
  'somebody took this node out of the registry, and it stays out; start the agent again to join';
/** What changes within so long is one round. */
const ROUND_DELAY_MS = 50;
const RETRY_MS = 2000;
const ADDRESSES_AGAIN_MS = 600_000;
/** Seconds. */
const ASKING_KEEPALIVE = 25;
/** Of so many the ways are looked at again with every change of the peers. */
const FEW_PEERS = 32;
/** The others learn within that time that this node is out; a directory is looked at every 2 s. */
const DOWN_GRACE_MS = 3000;
/** Reject-After-Time: no session is older. */
const SESSION_MS = 180_000;
/** Of a timer, a day. */
const LONGEST_WAIT_MS = 86_400_000;
