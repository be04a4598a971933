/**
 * `FloodNetwork`: the network namespaces of a server and of the programs that send to it. Each of
 * these programs has its own link to the server.
 *
 * ```
 *   client  10.20.1.2 ------- 10.20.1.1 vclient :
 *   guests  10.20.2.2 ------- 10.20.2.1 vguests : server
 *           10.6.0.0/16                         :
 *   flooder 10.20.3.2 ------- 10.20.3.1 vflooder:
 *           10.8.0.0/16, and 10.7.0.0/16, which never answers
 * ```
 * All addresses of 10.6.0.0/16 belong to the namespace of the guests, and all addresses of
 * 10.8.0.0/16 to the namespace of the flooder. So one program in such a namespace can send from any
 * of these addresses, and gets the answers.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { runCommand } from '../peers/command.ts';
import { ip } from '../peers/namespace-pair.ts';

/** The namespaces around the server. */
export type Place = 'client' | 'guests' | 'flooder';

/** The namespaces of one measurement. */
export class FloodNetwork {
  readonly server: string;
  readonly client: string;
  readonly guests: string;
  readonly flooder: string;

  /** @throws {Error} (rejects) namespaces are not permitted, or there is no `ip` */
  static async create(): Promise<FloodNetwork> {
    const network = new FloodNetwork(`litz-flood-${process.pid}-${++made}`);
    LIVE.add(network);
    try {
      await network.#build();
    } catch (error) {
      network.close();
      throw error;
    }
    return network;
  }

  private constructor(prefix: string) {
    this.server = `${prefix}-server`;
    this.client = `${prefix}-client`;
    this.guests = `${prefix}-guests`;
    this.flooder = `${prefix}-flooder`;
  }

  /**
   * Makes the server drop everything from the flooder on its link, before its IP layer sees it.
   *
   * @throws {Error} (rejects) `nft` failed
   */
  async dropFlood(): Promise<void> {
    await this.#nft(
      'add table netdev flood; ' +
        'add chain netdev flood in { type filter hook ingress device vflooder priority 0; }; ' +
        'add rule netdev flood in drop',
    );
  }

  /** Ends `dropFlood`. @throws {Error} (rejects) `nft` failed */
  async passFlood(): Promise<void> {
    await this.#nft('delete table netdev flood');
  }

  /**
   * Deletes the namespaces. The caller must end their programs first. Never throws. Synchronous, so
   * that it works at the end of the process.
   */
  close(): void {
    LIVE.delete(this);
    for (const name of [this.server, this.client, this.guests, this.flooder]) {
      spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore', timeout: 10_000 });
    }
  }

  async #build(): Promise<void> {
    await this.#add(this.server);
    for (const place of PLACES) await this.#join(place);
    await ip('-n', this.guests, 'route', 'add', 'local', '10.6.0.0/16', 'dev', 'lo');
    await ip('-n', this.flooder, 'route', 'add', 'local', '10.8.0.0/16', 'dev', 'lo');
    await ip('-n', this.flooder, 'route', 'add', 'blackhole', '10.7.0.0/16');
    const { guests, flooder } = OUTER;
    await ip('-n', this.server, 'route', 'add', '10.6.0.0/16', 'via', guests.other);
    await ip('-n', this.server, 'route', 'add', '10.7.0.0/16', 'via', flooder.other);
    await ip('-n', this.server, 'route', 'add', '10.8.0.0/16', 'via', flooder.other);
  }

  async #join(place: Place): Promise<void> {
    const [server, other, link] = [this.server, this[place], `v${place}`];
    await this.#add(other);
    const veth = ['link', 'add', link, 'netns', server, 'type', 'veth'];
    await ip(...veth, 'peer', 'name', 'wan', 'netns', other);
    await ip('-n', server, 'addr', 'add', `${OUTER[place].server}/24`, 'dev', link);
    await ip('-n', other, 'addr', 'add', `${OUTER[place].other}/24`, 'dev', 'wan');
    await ip('-n', server, 'link', 'set', link, 'up');
    await ip('-n', other, 'link', 'set', 'wan', 'up');
  }

  async #add(name: string): Promise<void> {
    await ip('netns', 'add', name);
    await ip('-n', name, 'link', 'set', 'lo', 'up');
  }

  async #nft(commands: string): Promise<void> {
    await runCommand('nft', [commands], { namespace: this.server });
  }
}

/** Deletes all flood networks that still exist. */
export function closeFloodNetworks(): void {
  for (const network of LIVE) network.close();
}

/** The addresses of the server and of the other end, for each link. */
export const OUTER: Readonly<Record<Place, { server: string; other: string }>> = {
  client: { server: '10.20.1.1', other: '10.20.1.2' },
  guests: { server: '10.20.2.1', other: '10.20.2.2' },
  flooder: { server: '10.20.3.1', other: '10.20.3.2' },
};

const PLACES: readonly Place[] = ['client', 'guests', 'flooder'];
const LIVE = new Set<FloodNetwork>();
let made = 0;
