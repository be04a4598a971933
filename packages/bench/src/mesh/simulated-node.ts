/**
 * `SimulatedNode`: a real agent that programs a simulated daemon and a simulated machine, and reads
 * a real registry.
 *
 * @module
 */
import { formatEndpoint, parseCidr } from '@litz/core';
import { keyId } from '@litz/core/internals';
import type { DeviceChange, DeviceStatus, PeerChanges } from '@litz/config';
import {
  Agent,
  KeyStore,
  plan,
  staticPrefixes,
  type ActualHost,
  type Applied,
  type DaemonClient,
  type DesiredHost,
  type MeshHost,
  type Registry,
  type Step,
  type Underlay,
} from '@litz/mesh';
import { CLUSTER_PREFIX, fakeAddress, fakePrefix } from './fake-record.ts';

/** How many requests the daemon and the machine have received so far. */
export interface NodeCounts {
  readonly gets: number;
  readonly sets: number;
  readonly rulesets: number;
  readonly routes: number;
}

export interface SimulatedNodeOptions {
  readonly number: number;
  readonly name: string;
  readonly registry: Registry;
  /** The folder of the node's key. It is made if it does not exist. */
  readonly folder: string;
  /**
   * Called when a peer is configured and has its routes, with the text that `peerOf` (in
   * fake-record.ts) returns for it.
   */
  readonly onProgrammed: (peer: string) => void;
}

export class SimulatedNode {
  readonly agent: Agent;
  readonly #daemon = new SimulatedDaemon();
  readonly #host: SimulatedHost;

  constructor({ number, name, registry, folder, onProgrammed }: SimulatedNodeOptions) {
    this.#host = new SimulatedHost(() => {
      for (const peer of this.#daemon.takeConfigured()) onProgrammed(peer);
    });
    const settings = {
      node: name,
      addresses: [fakeAddress(number)],
      interfaceName: 'litz0',
      port: 51_871,
      mode: 'pods',
      // With `enforce`, the routes of a peer depend only on its record, not on a handshake.
      enforcement: 'enforce',
      force: true,
      clusterPrefixes: [parseCidr(CLUSTER_PREFIX)],
      servicePrefixes: [],
      nodePrefixes: [],
      persistentKeepalive: 0,
      rotateEveryMs: undefined,
      rotateTimeoutMs: 600_000,
      encryptsNode: true,
      stateFolder: folder,
    } as const;
    this.agent = new Agent(settings, {
      registry,
      host: this.#host,
      client: this.#daemon,
      prefixes: staticPrefixes([parseCidr(fakePrefix(number))]),
      keys: new KeyStore({ folder, interfaceName: 'litz0' }),
      log: () => {},
    });
  }

  /** The number of peers of the daemon. */
  get peers(): number {
    return this.#daemon.peers.size;
  }

  get counts(): NodeCounts {
    const { gets, sets } = this.#daemon;
    const { rulesets, routeChanges: routes } = this.#host;
    return { gets, sets, rulesets, routes };
  }
}

/** A daemon that reports its start, and no other change. */
class SimulatedDaemon implements DaemonClient {
  readonly path = '/simulated';
  readonly peers: Set<string> = new Set();
  gets = 0;
  sets = 0;
  #configured: string[] = [];

  async get(): Promise<DeviceStatus> {
    this.gets++;
    return { listenPort: 0, fwmark: 0, peers: [] };
  }

  async set({ peers = [] }: DeviceChange): Promise<void> {
    this.sets++;
    for (const { publicKey, remove, endpoint } of peers) {
      const id = typeof publicKey === 'string' ? publicKey : keyId(publicKey);
      if (remove === true) this.peers.delete(id);
      else this.peers.add(id);
      if (endpoint && typeof endpoint === 'object') {
        this.#configured.push(`${id} ${formatEndpoint(endpoint)}`);
      }
    }
  }

  async *changes({ signal }: { signal: AbortSignal }): AsyncGenerator<PeerChanges> {
    yield { isResync: true, peers: [], cursor: 0 };
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }

  /** Returns key and endpoint of the peers that were configured since the last call. */
  takeConfigured(): string[] {
    return this.#configured.splice(0);
  }
}

/** A machine in memory, which carries out the steps of each plan. */
class SimulatedHost implements MeshHost {
  rulesets = 0;
  routeChanges = 0;
  readonly #onApplied: () => void;
  #actual: MutableHost = {
    link: { index: 7, up: true, mtu: 1420, prepared: true, addresses: [] },
    routes: new Map(),
    rules: new Map(),
    looseLinks: new Set(),
    strictLinks: new Set(),
    ruleset: undefined,
  };
  #desired: DesiredHost | undefined = undefined;

  constructor(onApplied: () => void) {
    this.#onApplied = onApplied;
  }

  async underlay(): Promise<Underlay> {
    return { mtu: 1500, links: ['eth0'], podLinks: [] };
  }

  async apply(desired: DesiredHost): Promise<Applied> {
    const steps = plan(this.#changedPart(desired), this.#actualPart(desired));
    for (const step of steps) this.#do(step);
    this.#desired = desired;
    this.#onApplied();
    return { steps, troubles: [] };
  }

  watch(): void {}

  async remove(): Promise<Applied> {
    return { steps: [], troubles: [] };
  }

  close(): void {}

  /**
   * Returns the desired state with only those routes that may have changed. A real host also
   * compares only these.
   */
  #changedPart(desired: DesiredHost): DesiredHost {
    const { difference } = desired;
    const isNext = difference && difference.from === this.#desired?.routes;
    return isNext ? { ...desired, routes: difference.added } : desired;
  }

  /** Returns the actual state with only those routes that may have to be changed. */
  #actualPart(desired: DesiredHost): ActualHost {
    const { difference } = desired;
    if (!difference || difference.from !== this.#desired?.routes) return this.#actual;
    const routes: MutableHost['routes'] = new Map();
    for (const { key } of [...difference.removed, ...difference.added].flat()) {
      const route = this.#actual.routes.get(key);
      if (route) routes.set(key, route);
    }
    return { ...this.#actual, routes };
  }

  #do(step: Step): void {
    const actual = this.#actual;
    if (step.type === 'set-route') actual.routes.set(step.route.key, step.route);
    if (step.type === 'delete-route') actual.routes.delete(step.route.key);
    if (step.type.endsWith('-route')) this.routeChanges++;
    if (step.type === 'add-rule') actual.rules.set(step.rule.text, step.rule);
    if (step.type === 'delete-rule') actual.rules.delete(step.rule.text);
    if (step.type === 'load-ruleset') {
      this.#actual = { ...actual, ruleset: step.ruleset };
      this.rulesets++;
    }
    if (step.type === 'set-mtu') this.#setLink({ mtu: step.mtu });
    if (step.type === 'add-address') {
      this.#setLink({ addresses: [...(actual.link?.addresses ?? []), step.address] });
    }
  }

  #setLink(change: Partial<NonNullable<ActualHost['link']>>): void {
    const { link } = this.#actual;
    this.#actual = { ...this.#actual, link: link && { ...link, ...change } };
  }
}

interface MutableHost extends ActualHost {
  readonly routes: Map<
    string,
    ActualHost['routes'] extends ReadonlyMap<string, infer R> ? R : never
  >;
  readonly rules: Map<string, ActualHost['rules'] extends ReadonlyMap<string, infer R> ? R : never>;
}
