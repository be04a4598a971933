/**
 * `ConnectionTable`: finds the connection of a segment by addresses and ports.
 *
 * The hash is keyed, so an attacker cannot make many connections with equal hashes.
 *
 * @module
 */
import type { SipHash } from '../sip-hash.ts';
import type { IpAddress } from '../wire/ip-address.ts';
import type { Connection } from './connection.ts';

export class ConnectionTable {
  /** By hash. Connections with equal hashes are rare; `nextOfHash` links them to a list. */
  readonly #connections = new Map<number, Connection>();
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
    let connection = this.#connections.get(this.hashOf(local, localPort, remote, remotePort));
    for (; connection; connection = connection.nextOfHash) {
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
    connection.nextOfHash = this.#connections.get(connection.hash);
    this.#connections.set(connection.hash, connection);
    this.#size++;
  }

  remove(connection: Connection): void {
    const { hash, nextOfHash } = connection;
    const first = this.#connections.get(hash);
    if (first === connection) {
      if (nextOfHash) this.#connections.set(hash, nextOfHash);
      else this.#connections.delete(hash);
    } else {
      let before = first;
      while (before && before.nextOfHash !== connection) before = before.nextOfHash;
      if (!before) return;
      before.nextOfHash = nextOfHash;
    }
    connection.nextOfHash = undefined;
    this.#size--;
  }

  [Symbol.iterator](): Iterator<Connection> {
    const all: Connection[] = [];
    for (const one of this.#connections.values()) {
      for (let c: Connection | undefined = one; c; c = c.nextOfHash) all.push(c);
    }
    return all[Symbol.iterator]();
  }
}
