/**
 * `UdpAssociation`: the datagrams of a SOCKS5 client (UDP ASSOCIATE, RFC 1928 section 7).
 *
 * ```
 *   client  --header, data-->  relay socket  |  network.createSocket  --data-->  target
 *           <--header, data--                |                        <--data--
 * ```
 *
 * An association ends with the TCP connection that asked for it, or when no datagram has come for a
 * while. Only its client may use it: datagrams from another address are dropped. Datagrams
 * from another port are dropped too, once the client has named its port or has sent a valid
 * datagram.
 *
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { Target } from './addresses.ts';
import { NameTable } from './name-table.ts';
import type { ServiceCounts } from './proxy-counts.ts';
import type {
  DatagramSocket,
  DatagramSource,
  ProxyNetwork,
  StreamSocket,
} from './proxy-network.ts';
import { formatDatagram, parseDatagram } from './socks-message.ts';

/** What an association needs. */
export interface AssociationOptions {
  /** The TCP connection of the client. */
  readonly control: StreamSocket;
  /**
   * The address from which the client will send, as its request says; often 0.0.0.0:0. Only the
   * port of this address is used.
   */
  readonly expected: Target;
  readonly network: ProxyNetwork;
  readonly counts: ServiceCounts;
  readonly idleMs: number;
}

/** The datagrams of one client. */
export class UdpAssociation {
  /** Resolves when the association has ended, and all its sockets are closed. */
  readonly ended: Promise<void>;
  readonly #relay: Socket;
  readonly #control: StreamSocket;
  readonly #network: ProxyNetwork;
  readonly #counts: ServiceCounts;
  readonly #names: NameTable;
  /** The socket inside the tunnel, for each family that the client uses. */
  readonly #inner = new Map<4 | 6, DatagramSocket>();
  readonly #idle: NodeJS.Timeout;
  #expectedPort: number;
  #end: () => void = () => {};
  #isClosed = false;

  /**
   * Opens the relay socket, on the address that the client has connected to.
   *
   * @throws the error of the socket
   */
  static async open(options: AssociationOptions): Promise<UdpAssociation> {
    const local = unmapped(options.control.localAddress ?? '127.0.0.1');
    const relay = createSocket(isIPv6(local) ? 'udp6' : 'udp4');
    try {
      relay.bind({ address: local, port: 0 });
      await once(relay, 'listening');
    } catch (error) {
      relay.close();
      throw error;
    }
    return new UdpAssociation(relay, options);
  }

  private constructor(relay: Socket, options: AssociationOptions) {
    const { control, expected, network, counts, idleMs } = options;
    this.#relay = relay;
    this.#control = control;
    this.#network = network;
    this.#counts = counts;
    this.#expectedPort = expected.port;
    this.#names = new NameTable(network);
    counts.open++;
    counts.opened++;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#idle = setTimeout(() => this.close(), idleMs);
    relay.on('message', (bytes, source) => this.#receive(bytes, source));
    relay.on('error', () => this.close());
    // The client sends nothing more on this connection. If it ends or is lost, the association
    // ends.
    control.resume();
    control.once('end', () => this.close());
    control.once('close', () => this.close());
    if (control.destroyed) this.close();
  }

  /** Where the client must send its datagrams. */
  get address(): Target {
    const { address, port } = this.#relay.address();
    return { host: address, port };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#idle);
    this.#relay.close();
    for (const socket of this.#inner.values()) socket.close();
    this.#control.destroy();
    this.#counts.open--;
    this.#end();
  }

  #receive(bytes: Uint8Array, source: DatagramSource): void {
    const datagram = this.#isFromClient(source) ? parseDatagram(bytes) : undefined;
    if (!datagram) {
      this.#counts.datagramsDropped++;
      return;
    }
    this.#expectedPort = source.port;
    this.#idle.refresh();
    const { target, data } = datagram;
    this.#names.use(target.host, (host) => this.#sendTo(host, target.port, data));
  }

  /** Sends a datagram into the tunnel. Drops it if `host` is undefined: there is no address. */
  #sendTo(host: string | undefined, port: number, data: Uint8Array): void {
    if (this.#isClosed) return;
    if (host === undefined) {
      this.#counts.datagramsDropped++;
      return;
    }
    try {
      this.#innerFor(isIPv6(host) ? 6 : 4).send(data, port, host, (error) => {
        if (error) this.#counts.datagramsDropped++;
      });
    } catch {
      this.#counts.datagramsDropped++;
      return;
    }
    this.#counts.datagrams++;
    this.#counts.bytesForth += data.length;
  }

  #innerFor(family: 4 | 6): DatagramSocket {
    const known = this.#inner.get(family);
    if (known) return known;
    const socket = this.#network.createSocket(family === 6 ? 'udp6' : 'udp4');
    this.#inner.set(family, socket);
    socket.on('message', (bytes, source) => this.#answer(bytes, source));
    socket.on('error', () => this.close());
    return socket;
  }

  #answer(bytes: Uint8Array, { address, port }: DatagramSource): void {
    if (this.#isClosed) return;
    this.#idle.refresh();
    const client = unmapped(this.#control.remoteAddress ?? '127.0.0.1');
    const datagram = formatDatagram({ host: address, port }, bytes);
    this.#relay.send(datagram, this.#expectedPort, client, (error) => {
      if (error) this.#counts.datagramsDropped++;
    });
    this.#counts.datagrams++;
    this.#counts.bytesBack += bytes.length;
  }

  #isFromClient({ address, port }: DatagramSource): boolean {
    if (unmapped(address) !== unmapped(this.#control.remoteAddress ?? '')) return false;
    // Nothing can be sent to port 0: Node.js would throw.
    if (port === 0) return false;
    return this.#expectedPort === 0 || this.#expectedPort === port;
  }
}

/** Returns `127.0.0.1` for `::ffff:127.0.0.1`: a server on `::` gets such addresses. */
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}
