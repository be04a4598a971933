/**
 * `ProgrammedMesh`: a daemon and a real `LinuxHost` on each node of a network, without agents and
 * without a registry. `TestNetwork` gives each daemon its peers, and a test gives each host its
 * request.
 *
 * @module
 */
import { parseCidr } from '@litz/core';
import { desireHost, type LinuxHost, type MeshRequest, type Step } from '../../src/index.ts';
import { NODES_MARK } from '../../src/plan/desired-host.ts';
import type { TestNode } from './test-node.ts';
import type { TestNetwork } from './test-network.ts';
import { PODS4, PODS6 } from './wire.ts';

export class ProgrammedMesh {
  readonly network: TestNetwork;
  readonly hosts: readonly LinuxHost[];
  readonly repairs: Step[] = [];
  readonly troubles: string[] = [];
  /** The last request of each node. */
  #requests: Partial<MeshRequest>[] = [];

  static async create(
    network: TestNetwork,
    more: Partial<MeshRequest> = {},
  ): Promise<ProgrammedMesh> {
    await network.startDaemons({ mark: NODES_MARK });
    const hosts = await Promise.all(network.nodes.map((node) => node.openHost()));
    const mesh = new ProgrammedMesh(network, hosts);
    await mesh.apply(more);
    return mesh;
  }

  private constructor(network: TestNetwork, hosts: readonly LinuxHost[]) {
    this.network = network;
    this.hosts = hosts;
    for (const host of hosts) {
      host.watch({
        onRepaired: (steps) => this.repairs.push(...steps),
        onLink: () => {},
        onUnderlay: () => {},
        onTrouble: (trouble) => this.troubles.push(trouble),
      });
    }
  }

  /** Applies a request to all nodes, or to one. @throws {Error} a step failed */
  async apply(more: Partial<MeshRequest> = {}, only?: TestNode): Promise<void> {
    for (const [i, node] of this.network.nodes.entries()) {
      if (only && node !== only) continue;
      this.#requests[i] = more;
      const { troubles } = await this.hosts[i].apply(desireHost(await this.request(node, more)));
      if (troubles.length > 0) throw new Error(troubles.join('\n'));
    }
  }

  async request(node: TestNode, more: Partial<MeshRequest>): Promise<MeshRequest> {
    const host = this.hosts[node.number - 1];
    const peers = this.network.nodes.filter((other) => other !== node).map(({ peer }) => peer);
    const facts = await host.facts({ interfaceName: 'litz0', port: 51871, peers });
    return {
      interfaceName: 'litz0',
      port: 51871,
      mode: 'pods',
      enforcement: 'enforce',
      own: node.own,
      peers,
      answered: new Set(peers.map(({ name }) => name)),
      clusterPrefixes: [parseCidr(PODS4), parseCidr(PODS6)],
      registryAddresses: [],
      underlay: facts.underlay,
      ...more,
    };
  }
}
