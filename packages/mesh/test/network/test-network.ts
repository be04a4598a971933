/**
 * `TestNetwork`: nodes on a bridge that counts packets, for tests of the mesh. Each node has its
 * own mounts, pods that the real CNI plugins connect, and the routes that a CNI would make.
 *
 * ```
 *   node 1  192.168.50.11, fd50::11     pods 10.244.1.0/24, fd44:0:0:1::/64
 *   node 2  192.168.50.12, fd50::12     pods 10.244.2.0/24, fd44:0:0:2::/64      ...
 * ```
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programRequirement, type Requirement } from '@litz/testkit';
import { ipProgram, namespaces, nftProgram } from '../requirements.ts';
import { TestNode, type NodeOptions } from './test-node.ts';
import { TestNamespace } from './test-namespace.ts';
import { Wire } from './wire.ts';

export interface TestNetworkOptions extends Partial<NodeOptions> {
  /** The number of nodes. Default: 2. */
  readonly nodes?: number;
  /** The number of pods of each node. Default: 1. */
  readonly pods?: number;
  /** The MTU of the underlay. Default: 1500. */
  readonly mtu?: number;
  /** False: there is no CNI configuration and no pod before `installCni` is called. */
  readonly withCni?: boolean;
}

/** What every test on the network requires. */
export const networkRequirements: readonly Requirement[] = [
  namespaces,
  ipProgram,
  nftProgram,
  programRequirement('unshare'),
  programRequirement('wg'),
  programRequirement('ping', ['-V']),
  programRequirement('cnitool'),
];

export class TestNetwork {
  readonly nodes: readonly TestNode[];
  readonly wire: Wire;
  /** A folder that all nodes share. It is removed with the network. */
  readonly folder: string;
  readonly #underlay: TestNamespace;
  readonly #pods: number;
  readonly #clients: TestNamespace[] = [];

  static async create(options: TestNetworkOptions = {}): Promise<TestNetwork> {
    const { nodes: count = 2, pods = 1, mtu = 1500, withCni = true } = options;
    const { cni = 'bridge', overlay = 'none', reversePathFilter = 1 } = options;
    const { outer = 4, inner = 'dual', podMtu = 1500 } = options;
    const folder = mkdtempSync(join(tmpdir(), 'litz-network-'));
    const underlay = await TestNamespace.create(folder);
    const wire = new Wire(underlay);
    const nodes: TestNode[] = [];
    const network = new TestNetwork(nodes, wire, { folder, underlay, pods });
    try {
      for (let number = 1; number <= count; number++) {
        const options = { cni, overlay, reversePathFilter, outer, inner, podMtu };
        const node = await TestNode.create(number, join(folder, `node${number}`), options);
        nodes.push(node);
        wire.plug(`u${number}`, node.namespace, mtu);
        node.configure();
      }
      if (withCni) network.installCni();
      return network;
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  private constructor(
    nodes: readonly TestNode[],
    wire: Wire,
    parts: { folder: string; underlay: TestNamespace; pods: number },
  ) {
    this.nodes = nodes;
    this.wire = wire;
    this.folder = parts.folder;
    this.#underlay = parts.underlay;
    this.#pods = parts.pods;
  }

  /**
   * Makes a namespace on the same bridge that is not a node of the mesh. It is removed with the
   * network.
   */
  async addClient(): Promise<TestNamespace> {
    const client = await TestNamespace.create(this.folder);
    this.#clients.push(client);
    const number = this.#clients.length;
    this.wire.plug(`c${number}`, client, 1500);
    client.ip(`address add 192.168.50.${200 + number}/24 dev eth0`);
    client.ip('link set eth0 up');
    return client;
  }

  /** Installs the CNI configuration, the routes and the pods. */
  installCni(): void {
    for (const node of this.nodes) {
      node.installCni();
      for (let i = 0; i < this.#pods; i++) node.addPod();
      for (const other of this.nodes) if (other !== node) node.routeTo(other);
    }
  }

  /** Starts a daemon on each node, and configures the other nodes as its peers. */
  async startDaemons(options: { readonly mark?: number } = {}): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.startDaemon(options)));
    for (const node of this.nodes) this.introduce(node);
  }

  /** Configures all other nodes as peers of one node's daemon. */
  introduce(node: TestNode): void {
    for (const other of this.nodes) if (other !== node) node.addPeer(other);
  }

  /** Removes everything, also after a failure. */
  async close(): Promise<void> {
    const all = [...this.nodes, ...this.#clients, this.#underlay];
    await Promise.all(all.map((one) => one.close()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
