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
 * 10.8.0.0/16 to the namespace of the flooder. So one program in one of these two namespaces can
 * send from any address of its namespace, and gets the answers.
 *
 * @module
 */
import { runCommand } from '../peers/command.ts';
import { ip, Namespaces } from '../peers/namespaces.ts';

/** The namespaces that have a link to the server. */
export type Place = 'client' | 'guests' | 'flooder';

/** The namespaces of one measurement. */
export class FloodNetwork {
  readonly server: string;
  readonly client: string;
  readonly guests: string;
  readonly flooder: string;
  readonly #namespaces: Namespaces;

  /** @throws {Error} (rejects) namespaces are not permitted, or there is no `ip` */
  static create(): Promise<FloodNetwork> {
    return Namespaces.build('flood', async (namespaces) => {
      const add = (suffix: string): Promise<string> => namespaces.add(suffix);
      const places = [await add('client'), await add('guests'), await add('flooder')] as const;
      const network = new FloodNetwork(namespaces, await add('server'), places);
      await network.#build();
      return network;
    });
  }

  private constructor(
    namespaces: Namespaces,
    server: string,
    [client, guests, flooder]: readonly [client: string, guests: string, flooder: string],
  ) {
    this.#namespaces = namespaces;
    this.server = server;
    this.client = client;
    this.guests = guests;
    this.flooder = flooder;
  }

  /**
   * Makes the server drop all packets that come over the flooder's link, before the server's IP
   * layer sees them.
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

  /** Removes the rule of `dropFlood`. @throws {Error} (rejects) `nft` failed */
  async passFlood(): Promise<void> {
    await this.#nft('delete table netdev flood');
  }

  /** Deletes the namespaces. See `Namespaces.close`. */
  close(): void {
    this.#namespaces.close();
  }

  async #build(): Promise<void> {
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
    const veth = ['link', 'add', link, 'netns', server, 'type', 'veth'];
    await ip(...veth, 'peer', 'name', 'wan', 'netns', other);
    await ip('-n', server, 'addr', 'add', `${OUTER[place].server}/24`, 'dev', link);
    await ip('-n', other, 'addr', 'add', `${OUTER[place].other}/24`, 'dev', 'wan');
    await ip('-n', server, 'link', 'set', link, 'up');
    await ip('-n', other, 'link', 'set', 'wan', 'up');
  }

  async #nft(commands: string): Promise<void> {
    await runCommand('nft', [commands], { namespace: this.server });
  }
}

/** The addresses of the server and of the other end, for each link. */
export const OUTER: Readonly<Record<Place, { server: string; other: string }>> = {
  client: { server: '10.20.1.1', other: '10.20.1.2' },
  guests: { server: '10.20.2.1', other: '10.20.2.2' },
  flooder: { server: '10.20.3.1', other: '10.20.3.2' },
};

const PLACES: readonly Place[] = ['client', 'guests', 'flooder'];
