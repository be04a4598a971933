/**
 * `Agent`: connects the registry, the membership, the keys, the daemon and the machine.
 * ```
 *   registry -> membership -> accepted peers --+--> daemon   (UAPI, by differences)
 *   keys ----------------------+               +--> machine  (routes, rules, nftables)
 *   daemon -> who has answered-+---------------+--> own record
 * ```
 *
 * Every change of the registry, the keys, the daemon or the machine requests a round. A round
 * computes everything from the current state and applies it. No packet passes through the agent.
 * When the agent ends, the daemon and the machine stay as they are and continue to work. The next
 * agent takes over the daemon and the machine as it finds them.
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
import { AgentError } from './agent-choices.ts';

/**
 * The agent of a node. It follows the registry, and keeps the daemon, the machine and the node's
 * record up to date. `litz agent` is a command line for it.
 *
 * @example
 * ```ts
 * // As root, on Linux.
 * import { mkdtempSync } from 'node:fs';
 * import { parseCidr } from '@litz/core';
 * import { UapiClient } from '@litz/config/uapi';
 * import { Agent, FileRegistry, KeyStore, LinuxHost, staticPrefixes } from '@litz/mesh';
 *
 * const folder = mkdtempSync('/tmp/agent-');
 * const names = { interfaceName: 'litz0', stateFolder: folder };
 * const lists = { clusterPrefixes: [], servicePrefixes: [], nodePrefixes: [] };
 * const rotation = { rotateEveryMs: undefined, rotateTimeoutMs: 600_000 };
 * const choices = { mode: 'pods', enforcement: 'permissive', force: false } as const;
 * const own = { node: 'a', addresses: ['192.0.2.1'], port: 51871, encryptsNode: false };
 * const agent = new Agent(
 *   { ...own, ...names, ...lists, ...rotation, ...choices, persistentKeepalive: 0 },
 *   {
 *     registry: new FileRegistry(`${folder}/nodes`),
 *     host: await LinuxHost.open(),
 *     client: UapiClient.of('litz0'),
 *     prefixes: staticPrefixes([parseCidr('10.244.1.0/24')]),
 *     keys: new KeyStore({ folder, interfaceName: 'litz0' }),
 *     log: console.log,
 *   },
 * );
 * agent.start();
 * console.log((await agent.status()).node.keys[0]?.publicKey);
 * await agent.close();
 * ```
 */
export class Agent implements StatusSource {
  readonly settings: AgentSettings;
  readonly events: EventLog;
  readonly #given: AgentParts;
  readonly #parts: RoundParts;
  readonly #loop: AgentLoop;
  readonly #now: () => number;
  readonly #startedAt: number;
  #resolveEnded!: () => void;
  readonly #ended: Promise<void> = new Promise((resolve) => (this.#resolveEnded = resolve));
  #isClosed = false;
  #leaving: Promise<string> | undefined = undefined;
  #changing: Promise<unknown> = Promise.resolve();

  /**
   * Creates the node's key at the first start.
   *
   * @throws {KeyFileError} the key file cannot be used or created
   * @throws {SavedChoicesError} the saved choices cannot be read
   */
  constructor(settings: AgentSettings, given: AgentParts) {
    this.settings = settings;
    this.#given = given;
    this.#now = given.now ?? Date.now;
    this.#startedAt = this.#now();
    this.#parts = makeRoundParts(settings, given, {
      request: () => this.#loop.request(),
      requestNow: () => this.#loop.requestNow(),
    });
    this.events = this.#parts.events;
    this.#loop = new AgentLoop({
      parts: this.#parts,
      now: this.#now,
      onRotated: () => this.#contextChanged(),
      onKeyIsOld: () => this.rotateKey(),
    });
  }

  /** True if a round has programmed the daemon and the machine once and the daemon is connected. */
  get isReady(): boolean {
    return this.#loop.isApplied && this.#parts.daemon.isUp;
  }

  /** Resolves when a round has programmed the daemon and the machine for the first time. */
  get ready(): Promise<void> {
    return this.#loop.applied;
  }

  /** Resolves when the agent has ended, after `close` or a successful `down`. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  start(): void {
    this.#parts.machine.watch(
      () => this.#loop.request(),
      () => this.#loop.retryLater(),
    );
    this.#parts.nodeFacts.start();
    this.#given.registry.follow({
      onSync: (records) => {
        this.#parts.ownRecord.sync(records.get(this.settings.node));
        this.#parts.peers.sync(records);
      },
      onRecord: (name, record) => this.#recordSeen(name, record),
      onGone: (name, why) => this.#recordGone(name, why),
      onConnection: (trouble) => this.#connectionChanged(trouble),
    });
    this.#parts.daemon.start();
    this.#loop.requestNow();
  }

  /** Ends the agent. The daemon and the machine stay as they are. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.nodeFacts.close();
    this.#parts.ownRecord.close();
    this.#parts.ownStatus.close();
    await this.#loop.close();
    this.#parts.memory.close();
    await this.#parts.daemon.close();
    this.#given.client.close?.();
    await this.#given.registry.close();
    this.#given.host.close();
    this.#resolveEnded();
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
   * Creates a new key and starts to move the peers to it.
   *
   * @returns a text with the generation and the public key of the new key
   * @throws {RotationError} a rotation is already in progress, or there is no further generation
   * @throws {KeyFileError} the key file cannot be written
   * @throws {AgentError} the node has left the mesh
   */
  rotateKey(options: { readonly revoke?: boolean } = {}): string {
    this.#throwIfLeaving();
    const { generation, publicKey } = this.#parts.keys.rotate(options);
    const what = options.revoke === true ? 'the old key is revoked; new key:' : 'new key:';
    const text = `${what} generation ${generation} ${publicKey.toBase64()}`;
    this.events.log(text);
    this.#contextChanged();
    return text;
  }

  /**
   * Changes the enforcement and runs a round.
   *
   * @returns a sentence that says what was done
   * @throws {AgentError} the node has left the mesh. For `enforce`, also if the cluster's prefixes
   *   are not known. For `enforce` without `force`, also if the registry was not read, if a peer
   *   has not answered, or if the enforcement of a peer is off
   * @throws {MeshHostError} the machine cannot enforce
   */
  async setEnforcement(
    enforcement: Enforcement,
    { force = false }: { readonly force?: boolean } = {},
  ): Promise<string> {
    const { choices, peers } = this.#parts;
    const cutOff = enforcement === 'enforce' ? peers.refusedNodes : [];
    const warning =
      cutOff.length > 0 ? `; cut off, because their records are refused: ${cutOff.join(', ')}` : '';
    return this.#changeChoices(`enforcement is ${enforcement}${warning}`, () => {
      if (enforcement === 'enforce') choices.allowEnforce(peers, { force });
      return { enforcement };
    });
  }

  /**
   * Changes the mode and runs a round.
   *
   * @returns a sentence that says what was done
   * @throws {AgentError} the node has left the mesh
   * @throws {MeshHostError} the machine cannot enforce
   */
  async setMode(mode: EncryptMode): Promise<string> {
    return this.#changeChoices(`mode is ${mode}`, () => ({ mode }));
  }

  /**
   * Removes this node from the mesh: restores the machine, withdraws the record, and clears the
   * daemon's configuration. Then the agent ends. After a failure, `down` can be called again.
   *
   * @returns a sentence that says what was done
   * @throws {AgentError} the registry cannot be written; the machine is already restored
   */
  async down(): Promise<string> {
    this.#leaving ??= this.#leave().catch((error: unknown) => {
      this.#leaving = undefined;
      throw error;
    });
    return this.#leaving;
  }

  async #leave(): Promise<string> {
    const { host, client } = this.#given;
    const unsaved = this.#saveDown();
    this.#parts.ownRecord.close();
    this.#parts.ownStatus.close();
    await this.#loop.close();
    // The machine is restored first, so that our packets leave without the tunnel. The daemon keeps
    // its peers until later, because the peers still send through the tunnel until they learn that
    // this node has left.
    const { troubles } = await host.remove();
    await this.#withdraw();
    await new Promise((resolve) => setTimeout(resolve, DOWN_GRACE_MS));
    const { isUp } = this.#parts.daemon;
    await this.#parts.daemon.close();
    if (isUp) await client.set(NOTHING_CONFIGURED);
    const text = [
      'the node has left the mesh and the machine is restored',
      ...troubles,
      ...unsaved,
    ].join('; ');
    this.events.log(text);
    void this.close();
    return text;
  }

  /**
   * Saves that the node has left. A full disk must not prevent `down`.
   *
   * @returns a list with the error text if this cannot be saved, else an empty list
   */
  #saveDown(): string[] {
    try {
      this.#parts.choices.saveDown();
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
      this.#parts.enforcedState.remove();
    } catch (error) {
      const reason = (error as Error).message;
      throw new AgentError(`${reason}. ${NOT_WITHDRAWN}`, { cause: error });
    }
  }

  #connectionChanged(trouble: string | undefined): void {
    const wasLost = this.events.troubleOf('registry') !== undefined;
    this.events.trouble('registry', trouble);
    if (wasLost && trouble === undefined) this.#parts.ownStatus.retry();
  }

  #recordSeen(name: string, record: ReadRecord): void {
    // `peers` also checks this node's record. If the record has a key of another machine, `peers`
    // logs this.
    this.#parts.peers.record(name, record);
    if (name !== this.settings.node) return;
    this.#parts.ownRecord.recordSeen(record);
    this.#loop.request();
  }

  #recordGone(name: string, why: 'deleted' | 'expired'): void {
    if (name !== this.settings.node) return this.#parts.peers.gone(name, why);
    this.#parts.ownStatus.forget();
    this.#parts.ownRecord.gone({ isRemoved: why === 'deleted' && !this.#parts.choices.isDown });
    this.#loop.request();
  }

  /** Decides again which records of other nodes are accepted, because this node's keys changed. */
  #contextChanged(): void {
    const { peers, nodeFacts } = this.#parts;
    peers.changeContext(nodeFacts.context);
  }

  /**
   * Changes the choices. Changes run one after the other, because the undoing of a failed change
   * must not undo a later change.
   */
  #changeChoices(text: string, choose: () => Partial<Choices>): Promise<string> {
    const changed = this.#changing.then(async () => {
      this.#throwIfLeaving();
      const { choices } = this.#parts;
      const before = choices.chosen;
      choices.save({ ...before, ...choose() });
      try {
        await this.#loop.runNow();
      } catch (error) {
        choices.save(before);
        this.#loop.requestNow();
        throw error;
      }
      this.events.log(text);
      return text;
    });
    this.#changing = changed.catch(() => {});
    return changed;
  }

  #throwIfLeaving(): void {
    if (this.#leaving) throw new AgentError('the node is being taken out of the mesh');
  }
}

const NOT_WITHDRAWN =
  'The machine is restored, but the peers still send to this node through the tunnel. ' +
  'Run the command again when the registry works, or revoke the record in the registry and stop the agent and the daemon';
const NOTHING_CONFIGURED = { privateKey: null, replacePeers: true, listenPort: 0, fwmark: 0 };
/**
 * In milliseconds. Within this time the peers learn that this node has left: a file registry is
 * read every 2 s.
 */
const DOWN_GRACE_MS = 3000;
