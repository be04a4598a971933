/**
 * `SimulatedMachine`: carries out the steps of a plan in memory, and computes where a packet would
 * go.
 *
 * @module
 */
import { formatCidr, type Cidr } from '@litz/core';
import type { ActualHost } from '../../src/plan/actual-host.ts';
import type { DesiredHost, MeshRequest } from '../../src/plan/desired-host.ts';
import type { MeshRoute } from '../../src/plan/mesh-route.ts';
import type { MeshRule } from '../../src/plan/mesh-rule.ts';
import { covers, hostPrefix } from '../../src/record/cidr-relations.ts';
import type { Step } from '../../src/plan/step.ts';

/** `main`: the main table decides, so the packet may leave in plaintext. */
export type Way = 'tunnel' | 'refused' | 'main';

export class SimulatedMachine implements ActualHost {
  link: ActualHost['link'];
  readonly routes: Map<string, MeshRoute> = new Map();
  readonly rules: Map<string, MeshRule> = new Map();
  readonly looseLinks: Set<string> = new Set();
  readonly strictLinks: Set<string>;
  ruleset: string | undefined = undefined;
  /** The request from which each ruleset was made. */
  readonly #requests: ReadonlyMap<string, MeshRequest>;

  constructor(
    requests: readonly { readonly desired: DesiredHost; readonly request: MeshRequest }[],
    options: { readonly withLink?: boolean } = {},
  ) {
    this.link = options.withLink === false ? undefined : LINK;
    this.strictLinks = new Set(['eth0', 'eth1']);
    this.#requests = new Map(
      requests.flatMap(({ desired, request }) =>
        desired.ruleset === undefined ? [] : [[desired.ruleset, request] as const],
      ),
    );
  }

  do(step: Step): void {
    const { link } = this;
    switch (step.type) {
      case 'set-route':
        this.routes.set(step.route.key, step.route);
        return;
      case 'delete-route':
        this.routes.delete(step.route.key);
        return;
      case 'add-rule':
        this.rules.set(step.rule.text, step.rule);
        return;
      case 'delete-rule':
        this.rules.delete(step.rule.text);
        return;
      case 'load-ruleset':
        this.ruleset = step.ruleset;
        return;
      case 'remove-ruleset':
        this.ruleset = undefined;
        return;
      case 'loosen-filter':
        this.strictLinks.delete(step.link);
        this.looseLinks.add(step.link);
        return;
      case 'restore-filter':
        this.looseLinks.delete(step.link);
        this.strictLinks.add(step.link);
        return;
      case 'prepare-link':
        this.link = link && { ...link, prepared: true };
        return;
      case 'set-mtu':
        this.link = link && { ...link, mtu: step.mtu };
        return;
      case 'set-up':
        this.link = link && { ...link, up: true };
        return;
      case 'add-address':
        this.link = link && { ...link, addresses: [...link.addresses, step.address] };
        return;
      case 'delete-address':
      default:
        this.link = link && {
          ...link,
          addresses: link.addresses.filter(
            (other) => formatCidr(other) !== formatCidr(step.address),
          ),
        };
    }
  }

  /** Returns the way of a packet that a pod of this node sends. The packet has no firewall mark. */
  wayOf(destination: Uint8Array): Way {
    const way = this.#routeOf(destination);
    return way === 'main' && this.#isStopped(destination) ? 'refused' : way;
  }

  /** Removes the tunnel's interface, with its addresses and routes. */
  loseLink(): void {
    this.link = undefined;
    for (const [key, { type }] of this.routes) if (type === 'unicast') this.routes.delete(key);
  }

  #routeOf(destination: Uint8Array): Way {
    const rules = [...this.rules.values()].toSorted((a, b) => a.priority - b.priority);
    for (const rule of rules) {
      if (!this.#matches(rule, destination)) continue;
      if (rule.table === MAIN) return 'main';
      const type = this.#longest(destination)?.type;
      if (type === 'unicast') return 'tunnel';
      if (type === 'unreachable') return 'refused';
    }
    return 'main';
  }

  #matches({ family, to, tcpTo, tcpFrom }: MeshRule, destination: Uint8Array): boolean {
    if (tcpTo !== undefined || tcpFrom !== undefined) return false;
    if (family !== (destination.length === 4 ? 4 : 6)) return false;
    return to === undefined || covers(to, hostPrefix(destination));
  }

  #longest(destination: Uint8Array): MeshRoute | undefined {
    return [...this.routes.values()]
      .filter((route) => covers(route.destination, hostPrefix(destination)))
      .toSorted(
        (a, b) => b.destination.prefixLength - a.destination.prefixLength || a.metric - b.metric,
      )[0];
  }

  #isStopped(destination: Uint8Array): boolean {
    const request = this.ruleset === undefined ? undefined : this.#requests.get(this.ruleset);
    return request?.enforcement === 'enforce' && isRemote(destination, request);
  }
}

/** Returns whether a pod of another node may have the address, according to this request. */
export function isRemote(destination: Uint8Array, { clusterPrefixes, own }: MeshRequest): boolean {
  return isIn(destination, clusterPrefixes) && !isIn(destination, own.prefixes);
}

export function isIn(address: Uint8Array, prefixes: readonly Readonly<Cidr>[]): boolean {
  return prefixes.some((prefix) => covers(prefix, hostPrefix(address)));
}

const MAIN = 254;
const LINK = { index: 7, up: false, mtu: 1420, addresses: [], prepared: false };
