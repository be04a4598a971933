/**
 * `ProgrammedMesh`: a daemon and a real `LinuxHost` on each node of a ground, with keys that the test
 * hands round itself. It is what the agents make, without agents.
 *
 * @module
 */
import { parseCidr } from '@litz/core';
import { desireHost, type LinuxHost, type MeshRequest, type Step } from '../../src/index.ts';
import { NODES_MARK } from '../../src/plan/desired-host.ts';
import type { GroundNode } from './ground-node.ts';
import type { Ground } from './ground.ts';
import { PODS4, PODS6 } from './wire.ts';

export class ProgrammedMesh {
  readonly ground: Ground;
  readonly hosts: readonly LinuxHost[];
  readonly repairs: Step[] = [];
  readonly troubles: string[] = [];
  /** Of the last time. */
  #requests: Partial<MeshRequest>[] = [];

  static async create(ground: Ground, more: Partial<MeshRequest> = {}): Promise<ProgrammedMesh> {
    await ground.startDaemons({ mark: NODES_MARK });
    const hosts = await Promise.all(ground.nodes.map((node) => node.openHost()));
    const mesh = new ProgrammedMesh(ground, hosts);
    await mesh.apply(more);
    return mesh;
  }

  private constructor(ground: Ground, hosts: readonly LinuxHost[]) {
    this.ground = ground;
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

  /** On all nodes, or on one. @throws {Error} something could not be done */
  async apply(more: Partial<MeshRequest> = {}, only?: GroundNode): Promise<void> {
    for (const [i, node] of this.ground.nodes.entries()) {
      if (only && node !== only) continue;
      this.#requests[i] = more;
      const { troubles } = await this.hosts[i].apply(desireHost(await this.request(node, more)));
      if (troubles.length > 0) throw new Error(troubles.join('\n'));
    }
  }

  async request(node: GroundNode, more: Partial<MeshRequest>): Promise<MeshRequest> {
    const host = this.hosts[node.number - 1];
    const peers = this.ground.nodes.filter((other) => other !== node).map(({ peer }) => peer);
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
