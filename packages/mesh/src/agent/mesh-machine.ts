/**
 * `MeshMachine`: finds the underlay of the machine, computes the state that the mesh needs, and
 * applies it.
 *
 * @module
 */
import { formatCidr, type Cidr } from '@litz/core';
import type { MeshHost } from '../host/mesh-host.ts';
import type { MeshPeer } from '../membership/mesh-peer.ts';
import {
  DesiredHostCache,
  desireHostWith,
  encryptsOwnNode,
  type CommonRequest,
} from '../plan/desire-host.ts';
import type { DesiredHost, EncryptMode, Enforcement, Underlay } from '../plan/desired-host.ts';
import { LastResult } from '../plan/last-result.ts';
import { isException } from '../plan/mesh-rule.ts';
import type { RegistryAddress } from '../registry/registry.ts';
import type { AgentSettings } from './agent-settings.ts';
import type { EnforcedRequest } from './enforced-state.ts';
import type { EventLog } from './event-log.ts';

/** The inputs that decide which network state the machine needs. */
export interface MachineInput {
  readonly mode: EncryptMode;
  readonly enforcement: Enforcement;
  readonly peers: ReadonlyMap<string, MeshPeer>;
  readonly answered: ReadonlySet<string>;
  /** The names of the peers that have changed or answered since the last call. */
  readonly changed: ReadonlySet<string>;
  /** The prefixes of this node's pods. Undefined while they are not known. */
  readonly prefixes: readonly Readonly<Cidr>[] | undefined;
  /** The addresses of the registry's servers. Undefined while they are not known. */
  readonly registryAddresses: readonly RegistryAddress[] | undefined;
}

/** The network state that was applied last, as `status` shows it. */
export interface AppliedState {
  readonly mark: number;
  readonly mtu: number | undefined;
  readonly addresses: readonly string[];
  readonly exceptions: readonly string[];
}

export class MeshMachine {
  readonly #host: MeshHost;
  readonly #settings: AgentSettings;
  readonly #events: EventLog;
  #underlay: Underlay | undefined = undefined;
  #underlayIsOld = true;
  /** When the latest repairs happened, in milliseconds of `performance.now()`. */
  #repairs: number[] = [];
  #quiet: NodeJS.Timeout | undefined = undefined;
  readonly #cache: DesiredHostCache = new DesiredHostCache();
  /** The request that the last `desire` made from its input. Undefined: too little was known. */
  #request: CommonRequest | undefined = undefined;
  readonly #lastRequest: LastResult<CommonRequest> = new LastResult();
  /** The names of the peers that changed while the required state could not be computed. */
  #unseen: Set<string> = new Set();
  #hasFailed = false;
  #applied: AppliedState = { mark: 0, mtu: undefined, addresses: [], exceptions: [] };

  constructor(host: MeshHost, settings: AgentSettings, events: EventLog) {
    this.#host = host;
    this.#settings = settings;
    this.#events = events;
  }

  get applied(): AppliedState {
    return this.#applied;
  }

  /**
   * True if a step of the last `apply` failed. Nothing reports when such a step becomes possible,
   * so the caller must try again.
   */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /**
   * The request that the last `desire` made from its input. It does not contain other nodes.
   * Undefined: too little was known to make one.
   */
  get request(): EnforcedRequest | undefined {
    return this.#request;
  }

  /**
   * Begins to follow changes of the machine.
   *
   * @param onChanged called when the underlay may have changed
   * @param onFailed called when the state that another program changed could not be restored
   */
  watch(onChanged: () => void, onFailed: () => void): void {
    const outdate = (): void => {
      this.#underlayIsOld = true;
      onChanged();
    };
    this.#host.watch({
      onRepaired: (steps) => {
        this.#events.log(
          'another program changed the network settings of the mesh; they were restored in ' +
            `${steps.length} steps`,
        );
        this.#noteRepair();
      },
      onLink: (index) => {
        const { interfaceName } = this.#settings;
        if (index !== undefined)
          this.#events.log(`interface ${interfaceName} exists (index ${index})`);
        outdate();
      },
      onUnderlay: outdate,
      onTrouble: (trouble) => {
        this.#events.trouble('host', trouble);
        onFailed();
      },
    });
  }

  /**
   * Marks the underlay as outdated after the peers have changed, because the routes to them
   * may differ. With more than `FEW_PEERS` peers, one change is not worth a new search for the
   * underlay.
   */
  notePeers(count: number): void {
    this.#underlayIsOld ||= count <= FEW_PEERS;
  }

  /** Finds the underlay again if it may have changed. */
  async findUnderlay(peers: MachineInput['peers']): Promise<void> {
    if (!this.#underlayIsOld && this.#underlay) return;
    const { interfaceName, addresses } = this.#settings;
    this.#underlayIsOld = false;
    try {
      this.#underlay = await this.#host.underlay({
        interfaceName,
        peers: [...peers.values()],
        nodeAddresses: addresses,
      });
    } catch (error) {
      this.#underlayIsOld = true;
      throw error;
    }
  }

  /**
   * Returns the network state that the machine needs. Returns undefined while too little is known
   * to change anything.
   */
  desire(input: MachineInput): DesiredHost | undefined {
    for (const name of input.changed) this.#unseen.add(name);
    const request = this.#requestOf(input);
    this.#request = request;
    if (!request) return undefined;
    const { peers, answered } = input;
    const changed = this.#unseen;
    const desired = desireHostWith(this.#cache, request, { peers, answered, changed });
    this.#unseen = new Set();
    return desired;
  }

  /**
   * Applies a network state to the machine.
   *
   * @throws {MeshHostError} the machine cannot enforce
   */
  async apply(desired: DesiredHost): Promise<void> {
    const { troubles } = await this.#host.apply(desired);
    this.#hasFailed = troubles.length > 0;
    this.#events.trouble('host', this.#hasFailed ? troubles.join('; ') : undefined);
    this.#applied = {
      mark: desired.mark,
      mtu: desired.link?.mtu,
      addresses: (desired.link?.addresses ?? []).map(formatCidr),
      exceptions: [...desired.rules.values()].filter(isException).map(({ text }) => text),
    };
  }

  /**
   * Reports a trouble when repairs happen again and again, for example because two agents undo each
   * other's changes.
   */
  #noteRepair(): void {
    const now = performance.now();
    this.#repairs = [...this.#repairs, now].filter((at) => now - at < REPAIRS_MS);
    if (this.#repairs.length > MOST_REPAIRS) this.#repairs.splice(0, 1);
    if (this.#repairs.length < MOST_REPAIRS) return;
    this.#events.trouble('repairs', REPEATED_REPAIRS);
    // The trouble ends if the limit is not reached again within `REPAIRS_MS`.
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#events.trouble('repairs', undefined), REPAIRS_MS).unref();
  }

  #requestOf(input: MachineInput): CommonRequest | undefined {
    const { mode, enforcement, prefixes, registryAddresses } = input;
    const { interfaceName, port, addresses, encryptsNode, clusterPrefixes } = this.#settings;
    const { table, priority } = this.#settings;
    const own = { addresses, encryptsNode };
    const needsAddresses = encryptsOwnNode({ mode, own: { ...own, prefixes: [] } });
    const underlay = this.#underlay;
    if (!underlay || !prefixes || (needsAddresses && !registryAddresses)) return undefined;
    const inputs = [mode, enforcement, prefixes, registryAddresses, underlay];
    return this.#lastRequest.for(inputs, () => ({
      interfaceName,
      port,
      ...(table !== undefined && { table }),
      ...(priority !== undefined && { priority }),
      mode,
      enforcement,
      own: { ...own, prefixes },
      clusterPrefixes,
      registryAddresses: registryAddresses ?? [],
      underlay,
    }));
  }
}

/** This many repairs within `REPAIRS_MS` milliseconds are reported as a trouble. */
const MOST_REPAIRS = 50;
const REPAIRS_MS = 10_000;
const REPEATED_REPAIRS =
  'another program undoes the network settings of the mesh again and again. ' +
  'Stop it: a second agent in this network namespace, or ' +
  'another program that changes rules and routes ("ip monitor rule route" shows the changes)';
/** With at most this many peers, the underlay is read again after every change of the peers. */
const FEW_PEERS = 32;
