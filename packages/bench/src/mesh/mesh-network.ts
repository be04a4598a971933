/**
 * `MeshNetwork`: network namespaces of nodes on one bridge. The namespace of the bridge also
 * contains the registry.
 *
 * ```
 *   hub: bridge 10.99.0.1/16 --+-- wan 10.99.1.1 :node 1
 *        etcd, kube-apiserver,  +-- wan 10.99.1.2 :node 2
 *        simulated agents       ...
 * ```
 * Simulated nodes have addresses of 10.77.0.0/16. The hub drops packets to these addresses.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { ip } from '../peers/namespace-pair.ts';

export class MeshNetwork {
  readonly hub: string;
  readonly #names: string[] = [];
  readonly #prefix: string = `litz-mesh-${process.pid}-${++made}`;

  /** @throws {Error} (rejects) namespaces are not permitted, or there is no `ip` */
  static async create(): Promise<MeshNetwork> {
    const network = new MeshNetwork();
    LIVE.add(network);
    try {
      await network.#makeHub();
    } catch (error) {
      network.close();
      throw error;
    }
    return network;
  }

  private constructor() {
    this.hub = `${this.#prefix}-hub`;
  }

  /** Adds a node. Returns the name of its namespace. */
  async addNode(number: number): Promise<string> {
    const { hub } = this;
    const name = await this.#add(`n${number}`);
    const port = `port${number}`;
    await ip('link', 'add', port, 'netns', hub, 'type', 'veth', 'peer', 'wan', 'netns', name);
    await ip('-n', hub, 'link', 'set', port, 'master', 'br0', 'up');
    await ip('-n', name, 'addr', 'add', `${nodeAddress(number)}/16`, 'dev', 'wan');
    await ip('-n', name, 'link', 'set', 'wan', 'up');
    await ip('-n', name, 'route', 'add', 'default', 'via', HUB_ADDRESS);
    return name;
  }

  /**
   * Deletes the namespaces. The caller must end the programs in them first. It never throws. It is
   * synchronous, so that it can be called when the process exits.
   */
  close(): void {
    LIVE.delete(this);
    for (const name of this.#names.splice(0)) {
      spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore', timeout: 10_000 });
    }
  }

  async #makeHub(): Promise<void> {
    const hub = await this.#add('hub');
    await ip('-n', hub, 'link', 'add', 'br0', 'type', 'bridge');
    await ip('-n', hub, 'addr', 'add', `${HUB_ADDRESS}/16`, 'dev', 'br0');
    await ip('-n', hub, 'link', 'set', 'br0', 'up');
    await ip('-n', hub, 'route', 'add', 'blackhole', '10.77.0.0/16');
  }

  async #add(suffix: string): Promise<string> {
    const name = `${this.#prefix}-${suffix}`;
    await ip('netns', 'add', name);
    this.#names.push(name);
    await ip('-n', name, 'link', 'set', 'lo', 'up');
    return name;
  }
}

/** Deletes all mesh networks that still exist. */
export function closeMeshNetworks(): void {
  for (const network of LIVE) network.close();
}

/** Returns the address of a node on the bridge. */
export function nodeAddress(number: number): string {
  return `10.99.1.${number}`;
}

/** The address of the bridge itself, where the registries listen. */
export const HUB_ADDRESS = '10.99.0.1';

const LIVE = new Set<MeshNetwork>();
let made = 0;
