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
import { ip, Namespaces } from '../peers/namespaces.ts';

export class MeshNetwork {
  readonly hub: string;
  readonly #namespaces: Namespaces;

  /** @throws {Error} (rejects) namespaces are not permitted, or there is no `ip` */
  static create(): Promise<MeshNetwork> {
    return Namespaces.build('mesh', async (namespaces) => {
      const hub = await namespaces.add('hub');
      await ip('-n', hub, 'link', 'add', 'br0', 'type', 'bridge');
      await ip('-n', hub, 'addr', 'add', `${HUB_ADDRESS}/16`, 'dev', 'br0');
      await ip('-n', hub, 'link', 'set', 'br0', 'up');
      await ip('-n', hub, 'route', 'add', 'blackhole', '10.77.0.0/16');
      return new MeshNetwork(namespaces, hub);
    });
  }

  private constructor(namespaces: Namespaces, hub: string) {
    this.#namespaces = namespaces;
    this.hub = hub;
  }

  /** Adds a node. Returns the name of its namespace. */
  async addNode(number: number): Promise<string> {
    const { hub } = this;
    const name = await this.#namespaces.add(`n${number}`);
    const port = `port${number}`;
    await ip('link', 'add', port, 'netns', hub, 'type', 'veth', 'peer', 'wan', 'netns', name);
    await ip('-n', hub, 'link', 'set', port, 'master', 'br0', 'up');
    await ip('-n', name, 'addr', 'add', `${nodeAddress(number)}/16`, 'dev', 'wan');
    await ip('-n', name, 'link', 'set', 'wan', 'up');
    await ip('-n', name, 'route', 'add', 'default', 'via', HUB_ADDRESS);
    return name;
  }

  /** Deletes the namespaces. See `Namespaces.close`. */
  close(): void {
    this.#namespaces.close();
  }
}

/** Returns the address of a node on the bridge. */
export function nodeAddress(number: number): string {
  return `10.99.1.${number}`;
}

/** The address of the bridge itself, where the registries listen. */
export const HUB_ADDRESS = '10.99.0.1';
