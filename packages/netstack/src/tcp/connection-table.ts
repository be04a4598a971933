/**
 * `ConnectionTable`: finds the connection of a segment by addresses and ports.
 *
 * The hash is keyed, so that nobody outside can make many connections share a place.
 *
 * @module
 */
import type { SipHash } from '../sip-hash.ts';
import type { IpAddress } from '../wire/ip-address.ts';
import type { Connection } from './connection.ts';

export class ConnectionTable {
  /** Connections with equal hashes are rare, and are in one list. */
  readonly #connections = new Map<number, Connection[]>();
  readonly #hash: SipHash;
  #size = 0;

  constructor(hash: SipHash) {
    this.#hash = hash;
  }

  get size(): number {
    return this.#size;
  }

  /** Returns the keyed hash of addresses and ports. */
  hashOf(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): number {
    const ports = (localPort << 16) | remotePort;
    return this.#hash.begin().address(local).address(remote).word(ports).end();
  }

  find(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
  ): Connection | undefined {
    const found = this.#connections.get(this.hashOf(local, localPort, remote, remotePort));
    if (!found) return undefined;
    for (let i = 0; i < found.length; i++) {
      const connection = found[i];
      if (
        connection.localPort === localPort &&
        connection.remotePort === remotePort &&
        connection.remote.equals(remote) &&
        connection.local.equals(local)
      ) {
        return connection;
      }
    }
    return undefined;
  }

  add(connection: Connection): void {
    const others = this.#connections.get(connection.hash);
    if (others) others.push(connection);
    else this.#connections.set(connection.hash, [connection]);
    this.#size++;
  }

  remove(connection: Connection): void {
    const all = this.#connections.get(connection.hash);
    if (!all?.includes(connection)) return;
    if (all.length === 1) this.#connections.delete(connection.hash);
    else all.splice(all.indexOf(connection), 1);
    this.#size--;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return [...this.#connections.values()].flat()[Symbol.iterator]();
  }
}
