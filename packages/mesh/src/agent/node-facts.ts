/**
 * `NodeFacts`: the facts about this node that the agent needs before it changes anything: the
 * settings, the prefixes of the pods, and the addresses of the registry's servers.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { MembershipContext } from '../membership/membership-context.ts';
import { RecordError } from '../record/node-record.ts';
import { checkOwnNode } from '../record/own-node.ts';
import type { Registry, RegistryAddress } from '../registry/registry.ts';
import type { AgentSettings } from './agent-settings.ts';
import type { EventLog } from './event-log.ts';
import type { NodeKeys } from './node-keys.ts';
import type { PrefixSource } from './prefix-source.ts';

export interface NodeFactsOptions {
  readonly settings: AgentSettings;
  readonly keys: Pick<NodeKeys, 'keys'>;
  readonly prefixes: PrefixSource;
  readonly registry: Pick<Registry, 'addresses'>;
  readonly events: EventLog;
  readonly onChanged: () => void;
}

export class NodeFacts {
  readonly #options: NodeFactsOptions;
  #prefixes: readonly Readonly<Cidr>[] | undefined = undefined;
  #registryAddresses: readonly RegistryAddress[] | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isClosed = false;

  constructor(options: NodeFactsOptions) {
    this.#options = options;
  }

  /** The prefixes of this node's pods. Undefined while they are not known. */
  get prefixes(): readonly Readonly<Cidr>[] | undefined {
    return this.#prefixes;
  }

  /** The addresses of the registry's servers. Undefined while they are not known. */
  get registryAddresses(): readonly RegistryAddress[] | undefined {
    return this.#registryAddresses;
  }

  /** The facts about this node that decide which records of other nodes are accepted. */
  get context(): MembershipContext {
    const { settings, keys } = this.#options;
    return {
      ownName: settings.node,
      ownKeys: keys.keys.map(({ publicKey }) => publicKey),
      ownAddresses: settings.addresses,
      ownPrefixes: this.#prefixes ?? [],
      registryAddresses: (this.#registryAddresses ?? []).map(({ address }) => address),
      servicePrefixes: settings.servicePrefixes,
      clusterPrefixes: settings.clusterPrefixes,
      nodePrefixes: settings.nodePrefixes,
    };
  }

  start(): void {
    const { prefixes, events, onChanged } = this.#options;
    prefixes.follow({
      onPrefixes: (found) => {
        if (!this.#takePrefixes(found)) return;
        onChanged();
      },
      onTrouble: (trouble) => events.trouble('own prefixes', trouble),
    });
    void this.#findAddresses();
  }

  /**
   * Checks and stores the prefixes. Prefixes that the other nodes would refuse are neither used nor
   * published.
   *
   * @returns true if the prefixes were stored
   */
  #takePrefixes(found: readonly Readonly<Cidr>[]): boolean {
    const { events, settings } = this.#options;
    try {
      checkOwnNode({ ...settings, name: settings.node, prefixes: found });
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      events.trouble(PREFIXES, `the other nodes would refuse this node: ${error.reason}`);
      return false;
    }
    events.trouble(PREFIXES, undefined);
    this.#prefixes = found;
    return true;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#options.prefixes.close();
  }

  async #findAddresses(): Promise<void> {
    const { registry, events, onChanged } = this.#options;
    let again = ADDRESSES_AGAIN_MS;
    try {
      const found = await registry.addresses();
      if (this.#isClosed) return;
      this.#registryAddresses = found;
      events.trouble(ADDRESSES, undefined);
      onChanged();
    } catch (error) {
      if (this.#isClosed) return;
      events.trouble(ADDRESSES, (error as Error).message);
      again = RETRY_MS;
    }
    this.#timer = setTimeout(() => void this.#findAddresses(), again);
  }
}

const PREFIXES = 'prefixes of this node';
const ADDRESSES = "the registry's addresses";
const ADDRESSES_AGAIN_MS = 600_000;
const RETRY_MS = 2000;
