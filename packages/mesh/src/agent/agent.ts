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
import type { EncryptMode, Enforcement } from '../plan/desired-host.ts';
import type { ReadRecord } from '../record/node-record.ts';
import type { MeshStatus, StatusSource } from '../status/mesh-status.ts';
import { AgentLoop } from './agent-loop.ts';
import type { AgentSettings, Choices } from './agent-settings.ts';
import { viewOf } from './agent-view.ts';
import { describeAgent } from './describe-agent.ts';
import type { EventLog } from './event-log.ts';
import { makeRoundParts, type AgentParts, type RoundParts } from './round-parts.ts';
import { AgentError } from './switches.ts';

export class Agent implements StatusSource {
  readonly settings: AgentSettings;
  readonly events: EventLog;
  readonly #given: AgentParts;
  readonly #parts: RoundParts;
  readonly #loop: AgentLoop;
  readonly #now: () => number;
  readonly #startedAt: number;
  #endedBy!: () => void;
  readonly #ended: Promise<void> = new Promise((resolve) => (this.#endedBy = resolve));
  #isClosed = false;
  #goingDown: Promise<string> | undefined = undefined;
  #switching: Promise<unknown> = Promise.resolve();

  /**
   * Makes the node's key at the first start.
   *
   * @throws {KeyFileError} the key can't be used or not be made
   */
  constructor(settings: AgentSettings, given: AgentParts) {
    this.settings = settings;
    this.#given = given;
    this.#now = given.now ?? Date.now;
    this.#startedAt = this.#now();
    this.#parts = makeRoundParts(settings, given, {
      ask: () => this.#loop.ask(),
      askAtOnce: () => this.#loop.askAtOnce(),
    });
    this.events = this.#parts.events;
    this.#loop = new AgentLoop({
      parts: this.#parts,
      now: this.#now,
      onRotated: () => this.#contextChanged(),
      onKeyIsOld: () => this.rotateKey(),
    });
  }

  /** Everything that is known was laid at least once, and the daemon answers. */
  get isReady(): boolean {
    return this.#loop.isLaid && this.#parts.daemon.isUp;
  }

  /** Resolves when it is ready for the first time. */
  get ready(): Promise<void> {
    return this.#loop.laid;
  }

  /** Resolves when `down` was asked for and is done, or when it was closed. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  start(): void {
    this.#parts.machine.watch(
      () => this.#loop.ask(),
      () => this.#loop.askAgain(),
    );
    this.#parts.surroundings.start();
    this.#given.registry.follow({
      onSync: (records) => {
        this.#parts.ownRecord.sync(records.get(this.settings.node));
        this.#parts.peers.sync(records);
      },
      onRecord: (name, record) => this.#told(name, record),
      onGone: (name, why) => this.#goneFrom(name, why),
      onConnection: (trouble) => this.events.trouble('registry', trouble),
    });
    this.#parts.daemon.start();
    this.#loop.askAtOnce();
  }

  /** Ends, and leaves everything as it is. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.surroundings.close();
    this.#parts.ownRecord.close();
    this.#parts.ownStatus.close();
    await this.#loop.close();
    await this.#parts.daemon.close();
    await this.#given.registry.close();
    this.#given.host.close();
    this.#endedBy();
  }

  async status(): Promise<MeshStatus> {
    const { registry } = this.#given;
    return describeAgent({
      ...(await viewOf(this.#parts)),
      time: this.#now(),
      startedAt: this.#startedAt,
      waitsFor: this.#loop.waitsFor,
      registry: {
        description: registry.description,
        trouble: this.events.troubleOf('registry'),
      },
    });
  }

  /**
   * Makes a new key, and lets the others go over to it.
   *
   * @returns what happens now, in words
   * @throws {RotationError} a rotation goes on already
   * @throws {AgentError} the node is taken out
   */
  rotateKey(options: { readonly revoke?: boolean } = {}): string {
    this.#refuseGoing();
    const { generation, publicKey } = this.#parts.keys.rotate(options);
    const what = options.revoke === true ? 'the old key is revoked, the new one is' : 'new key:';
    const text = `${what} generation ${generation} ${publicKey.toBase64()}`;
    this.events.say(text);
    this.#contextChanged();
    return text;
  }

  /**
   * @throws {AgentError} `enforce` isn't possible: peers haven't answered, or the cluster's prefixes
   *   aren't known, or the node is taken out
   * @throws {MeshHostError} it can't be held on this machine
   */
  async setEnforcement(
    enforcement: Enforcement,
    { force = false }: { readonly force?: boolean } = {},
  ): Promise<string> {
    const { switches, peers } = this.#parts;
    return this.#switch(`enforcement is ${enforcement}`, () => {
      if (enforcement === 'enforce') switches.allowEnforce(peers, { force });
      return { enforcement };
    });
  }

  /** @throws {AgentError} the node is taken out */
  async setMode(mode: EncryptMode): Promise<string> {
    return this.#switch(`encrypts ${mode}`, () => ({ mode }));
  }

  /**
   * Takes the node out: machine as it was, record revoked, daemon without keys. Then it ends. What has
   * failed can be asked for again.
   *
   * @returns what was done, in words
   * @throws {AgentError} the registry can't be told; the machine is as it was by then
   */
  async down(): Promise<string> {
    this.#goingDown ??= this.#takeOut().catch((error: unknown) => {
      this.#goingDown = undefined;
      throw error;
    });
    return this.#goingDown;
  }

  async #takeOut(): Promise<string> {
    const { host, client } = this.#given;
    const unsaved = this.#saveDown();
    this.#parts.ownRecord.close();
    this.#parts.ownStatus.close();
    await this.#loop.close();
    // First our packets go the old way; what the others still send through the tunnel is taken.
    const { troubles } = await host.remove();
    await this.#withdraw();
    await new Promise((resolve) => setTimeout(resolve, DOWN_GRACE_MS));
    const { isUp } = this.#parts.daemon;
    await this.#parts.daemon.close();
    if (isUp) await client.set(NOTHING_CONFIGURED);
    const text = ['the node is out, and the machine as it was', ...troubles, ...unsaved].join('; ');
    this.events.say(text);
    void this.close();
    return text;
  }

  /** A full disk keeps nobody from leaving. @returns what is wrong */
  #saveDown(): string[] {
    try {
      this.#parts.switches.saveDown();
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  }

  async #withdraw(): Promise<void> {
    const { registry } = this.#given;
    try {
      await registry.withdraw(this.settings.node);
      this.#parts.memory.remove();
    } catch (error) {
      const reason = (error as Error).message;
      throw new AgentError(`${reason}. ${NOT_WITHDRAWN}`, { cause: error });
    }
  }

  #told(name: string, record: ReadRecord): void {
    // Of the own record it says when it has another machine's key.
    this.#parts.peers.record(name, record);
    if (name !== this.settings.node) return;
    this.#parts.ownRecord.told(record);
    this.#loop.ask();
  }

  #goneFrom(name: string, why: 'deleted' | 'expired'): void {
    if (name !== this.settings.node) return this.#parts.peers.gone(name, why);
    this.#parts.ownStatus.forget();
    this.#parts.ownRecord.gone({ isThrownOut: why === 'deleted' && !this.#parts.switches.isDown });
    this.#loop.ask();
  }

  /** Something of this node has changed that decides whom it accepts. */
  #contextChanged(): void {
    const { peers, surroundings } = this.#parts;
    peers.changeContext(surroundings.context);
  }

  /** One after the other: who goes back on a failure must not undo what another one asked for. */
  #switch(text: string, choose: () => Partial<Choices>): Promise<string> {
    const switched = this.#switching.then(async () => {
      this.#refuseGoing();
      const { switches } = this.#parts;
      const before = switches.chosen;
      switches.save({ ...before, ...choose() });
      try {
        await this.#loop.now();
      } catch (error) {
        switches.save(before);
        this.#loop.askAtOnce();
        throw error;
      }
      this.events.say(text);
      return text;
    });
    this.#switching = switched.catch(() => {});
    return switched;
  }

  #refuseGoing(): void {
    if (this.#goingDown) throw new AgentError('the node is being taken out of the mesh');
  }
}

const NOT_WITHDRAWN =
  'The machine is as it was, but the others still send to this node through the tunnel: ask again when ' +
  'the registry is back, or revoke the record there and end agent and daemon';
const NOTHING_CONFIGURED = { privateKey: null, replacePeers: true, listenPort: 0, fwmark: 0 };
/** The others learn within that time that this node is out; a directory is looked at every 2 s. */
const DOWN_GRACE_MS = 3000;
