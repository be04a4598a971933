/**
 * `MeshMachine`: the agent's hand on the machine: what it knows of it, what it wants of it, and what it
 * has done to it last.
 *
 * @module
 */
import { formatCidr, type Cidr } from '@litz/core';
import type { HostFacts } from '../host/host-facts.ts';
import type { MeshHost } from '../host/mesh-host.ts';
import type { MeshPeer } from '../membership/mesh-peer.ts';
import { desireHostWith, encryptsOwnNode, type CommonRequest } from '../plan/desire-host.ts';
import type { DesiredHost, EncryptMode, Enforcement } from '../plan/desired-host.ts';
import { HostRoutes } from '../plan/host-routes.ts';
import { isException } from '../plan/mesh-rule.ts';
import type { RegistryAddress } from '../registry/registry.ts';
import type { AgentSettings } from './agent-settings.ts';
import type { EventLog } from './event-log.ts';

/** What decides how the machine is to look. */
export interface MachineInput {
  readonly mode: EncryptMode;
  readonly enforcement: Enforcement;
  readonly peers: ReadonlyMap<string, MeshPeer>;
  readonly answered: ReadonlySet<string>;
  /** Names of the peers that may be others than in the call before, or have answered meanwhile. */
  readonly changed: ReadonlySet<string>;
  /** Undefined while they are not known, as with the next ones. */
  readonly prefixes: readonly Readonly<Cidr>[] | undefined;
  readonly registryAddresses: readonly RegistryAddress[] | undefined;
}

/** What was laid last, as `status` shows it. */
export interface LaidMachine {
  readonly mark: number;
  readonly mtu: number | undefined;
  readonly addresses: readonly string[];
  readonly exceptions: readonly string[];
}

export class MeshMachine {
  readonly #host: MeshHost;
  readonly #settings: AgentSettings;
  readonly #events: EventLog;
  #facts: HostFacts | undefined = undefined;
  #factsAreOld = true;
  /** When the last ones were, in milliseconds. */
  #repairs: number[] = [];
  #quiet: NodeJS.Timeout | undefined = undefined;
  readonly #routes: HostRoutes = new HostRoutes();
  /** Names of peers that have changed while not enough was known. */
  #unseen: Set<string> = new Set();
  #hasFailed = false;
  #laid: LaidMachine = { mark: 0, mtu: undefined, addresses: [], exceptions: [] };

  constructor(host: MeshHost, settings: AgentSettings, events: EventLog) {
    this.#host = host;
    this.#settings = settings;
    this.#events = events;
  }

  get laid(): LaidMachine {
    return this.#laid;
  }

  /** Of what was wanted last, something could not be done. Nobody tells when that is possible. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /**
   * @param onChanged the machine is to be looked at again
   * @param onFailed something that somebody took away could not be put back
   */
  watch(onChanged: () => void, onFailed: () => void): void {
    const outdate = (): void => {
      this.#factsAreOld = true;
      onChanged();
    };
    this.#host.watch({
      onRepaired: (steps) => {
        this.#events.say(`somebody changed this, and it is back: ${steps.length} steps`);
        this.#noteRepair();
      },
      onLink: (index) => {
        const { interfaceName } = this.#settings;
        if (index !== undefined) this.#events.say(`${interfaceName} is there (${index})`);
        outdate();
      },
      onUnderlay: outdate,
      onTrouble: (trouble) => {
        this.#events.trouble('host', trouble);
        onFailed();
      },
    });
  }

  /** The peers are others now, so the ways to them may be. Of many peers one changes nothing. */
  notePeers(count: number): void {
    this.#factsAreOld ||= count <= FEW_PEERS;
  }

  /** Looks at the machine again, if it may have changed. */
  async look({ peers, prefixes }: Pick<MachineInput, 'peers' | 'prefixes'>): Promise<void> {
    if (!this.#factsAreOld && this.#facts) return;
    const { interfaceName, port, addresses } = this.#settings;
    this.#factsAreOld = false;
    try {
      this.#facts = await this.#host.facts({
        interfaceName,
        port,
        peers: [...peers.values()],
        nodeAddresses: addresses,
        ...(prefixes && { prefixes }),
      });
    } catch (error) {
      this.#factsAreOld = true;
      throw error;
    }
  }

  /** How it is to look; undefined: not enough is known yet to change anything. */
  desire(input: MachineInput): DesiredHost | undefined {
    for (const name of input.changed) this.#unseen.add(name);
    const request = this.#request(input);
    if (!request) return undefined;
    const { peers, answered } = input;
    const changed = this.#unseen;
    const desired = desireHostWith(this.#routes, request, { peers, answered, changed });
    this.#unseen = new Set();
    return desired;
  }

  /** @throws {MeshHostError} `enforce` can't be held on this machine */
  async apply(desired: DesiredHost): Promise<void> {
    const { troubles } = await this.#host.apply(desired);
    this.#hasFailed = troubles.length > 0;
    this.#events.trouble('host', this.#hasFailed ? troubles.join('; ') : undefined);
    this.#laid = {
      mark: desired.mark,
      mtu: desired.link?.mtu,
      addresses: (desired.link?.addresses ?? []).map(formatCidr),
      exceptions: [...desired.rules.values()].filter(isException).map(({ text }) => text),
    };
  }

  /** Two agents on one machine undo what the other one lays, for ever. */
  #noteRepair(): void {
    const now = performance.now();
    this.#repairs = [...this.#repairs, now].filter((at) => now - at < REPAIRS_MS);
    if (this.#repairs.length > MOST_REPAIRS) this.#repairs.splice(0, 1);
    if (this.#repairs.length < MOST_REPAIRS) return;
    this.#events.trouble('repairs', AT_ODDS);
    // Whoever it was has ended when nothing more is undone.
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#events.trouble('repairs', undefined), REPAIRS_MS).unref();
  }

  #request(input: MachineInput): CommonRequest | undefined {
    const { mode, enforcement, prefixes, registryAddresses } = input;
    const { interfaceName, port, addresses, encryptsNode, clusterPrefixes } = this.#settings;
    const own = { addresses, encryptsNode };
    const needsAddresses = encryptsOwnNode({ mode, own: { ...own, prefixes: [] } });
    if (!this.#facts || !prefixes || (needsAddresses && !registryAddresses)) return undefined;
    return {
      interfaceName,
      port,
      mode,
      enforcement,
      own: { ...own, prefixes },
      clusterPrefixes,
      registryAddresses: registryAddresses ?? [],
      underlay: this.#facts.underlay,
    };
  }
}

/** So many in that time are no accident. */
const MOST_REPAIRS = 50;
const REPAIRS_MS = 10_000;
const AT_ODDS =
  'what is laid here is undone again and again: end a second agent in this network namespace, or ' +
  'whatever else changes rules and routes (ip monitor rule route says what)';
/** Of so many the ways are looked at again with every change of the peers. */
const FEW_PEERS = 32;
