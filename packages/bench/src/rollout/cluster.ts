/**
 * `Cluster`: nodes on one bridge. Each node is a network namespace, and has one pod, which is
 * another namespace. The nodes have routes to each other's pods, as with flannel's host-gw.
 *
 * ```
 *   pod 10.244.1.5 -- node 1, 10.9.0.1 --+-- bridge --+-- 10.9.0.2, node 2 -- pod 10.244.2.5
 * ```
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ip } from '../peers/namespaces.ts';
import { ClusterNode } from './cluster-node.ts';

export class Cluster {
  readonly nodes: readonly ClusterNode[];
  /** The folder of the registry, of the state of each agent, and of the control sockets. */
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'litz-cluster-'));
  readonly #switch: string;

  /** @throws {Error} (rejects) namespaces are not permitted, or there is no `ip` */
  static async create(count: number): Promise<Cluster> {
    const cluster = new Cluster(count, `litz-bench-${process.pid}-c${++created}`);
    LIVE.add(cluster);
    try {
      await cluster.#build();
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  private constructor(count: number, prefix: string) {
    this.#switch = `${prefix}-switch`;
    this.nodes = Array.from({ length: count }, (_, i) => {
      return new ClusterNode({ number: i + 1, prefix, folder: this.#folder });
    });
  }

  /** Ends the programs of all nodes, then calls `remove`. */
  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end()));
    this.remove();
  }

  /**
   * Removes namespaces, sockets and the folder. It never throws. It is synchronous, so that it can
   * be called when the process exits.
   */
  remove(): void {
    LIVE.delete(this);
    for (const name of [this.#switch, ...this.nodes.flatMap((node) => node.namespaces)]) {
      spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore', timeout: 10_000 });
    }
    for (const node of this.nodes) rmSync(node.socket, { force: true });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #build(): Promise<void> {
    await ip('netns', 'add', this.#switch);
    await ip('-n', this.#switch, 'link', 'add', 'br0', 'type', 'bridge');
    await ip('-n', this.#switch, 'link', 'set', 'br0', 'up');
    for (const node of this.nodes) {
      const port = `port${node.number}`;
      await node.create();
      const cable = ['link', 'add', port, 'netns', this.#switch, 'type', 'veth'];
      await ip(...cable, 'peer', 'name', 'wan', 'netns', node.host);
      await ip('-n', this.#switch, 'link', 'set', port, 'master', 'br0', 'up');
      await node.plugIn();
    }
    for (const node of this.nodes) {
      for (const other of this.nodes) if (other !== node) await node.routeTo(other);
    }
  }
}

/** Removes all clusters that still exist. */
export function removeClusters(): void {
  for (const cluster of LIVE) cluster.remove();
}

const LIVE = new Set<Cluster>();
let created = 0;
