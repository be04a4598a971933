/**
 * `PortTable`: which socket has which local port, of one protocol.
 *
 * A socket is bound to one address, or to all addresses of the stack. If sockets of both kinds have
 * the same port, a packet goes to the socket that is bound to its destination address.
 *
 * @module
 */
import { StackError } from '../errors.ts';
import type { IpAddress } from '../wire/ip-address.ts';

/** A socket with a local port. */
export interface BoundSocket {
  /** undefined: all addresses of the stack. */
  readonly localAddress: IpAddress | undefined;
  /** 4 or 6: only addresses of this version; undefined: both. */
  readonly localVersion?: 4 | 6 | undefined;
  readonly localPort: number;
}

/** Where a socket receives. */
export interface LocalEnd {
  /** undefined: all addresses of the stack. */
  readonly address: IpAddress | undefined;
  /** 4 or 6: only addresses of this version; undefined: both. */
  readonly version: 4 | 6 | undefined;
  readonly port: number;
}

export class PortTable<Socket extends BoundSocket> {
  readonly #sockets = new Map<number, Socket[]>();
  readonly #random = new Uint16Array(1);
  readonly #randomBytes: (out: Uint8Array) => void;

  /** @param randomBytes fills its argument with random bytes */
  constructor(randomBytes: (out: Uint8Array) => void) {
    this.#randomBytes = randomBytes;
  }

  /**
   * Adds a socket.
   *
   * @throws {StackError} `EADDRINUSE`: another socket has this port, at the same address
   */
  add(socket: Socket): void {
    if (!this.isFree(socket.localAddress, socket.localPort, socket.localVersion)) {
      throw new StackError('EADDRINUSE', `port ${socket.localPort} is in use`);
    }
    const others = this.#sockets.get(socket.localPort);
    if (others) others.push(socket);
    else this.#sockets.set(socket.localPort, [socket]);
  }

  remove(socket: Socket): void {
    const all = this.#sockets.get(socket.localPort);
    if (!all?.includes(socket)) return;
    if (all.length === 1) this.#sockets.delete(socket.localPort);
    else all.splice(all.indexOf(socket), 1);
  }

  /** Returns the socket for a packet to an address and a port. */
  find(address: IpAddress, port: number): Socket | undefined {
    const sockets = this.#sockets.get(port);
    if (!sockets) return undefined;
    let found: Socket | undefined;
    for (let i = 0; i < sockets.length; i++) {
      const bound = sockets[i].localAddress;
      if (bound?.equals(address)) return sockets[i];
      if (!bound && overlaps(sockets[i].localVersion, address.version)) found = sockets[i];
    }
    return found;
  }

  /** Whether a socket of this address, or of all addresses of a version, can have a port. */
  isFree(address: IpAddress | undefined, port: number, version?: 4 | 6): boolean {
    return !this.#sockets
      .get(port)
      ?.some(({ localAddress, localVersion }) =>
        localAddress && address
          ? localAddress.equals(address)
          : localAddress === address && overlaps(localVersion, version),
      );
  }

  /**
   * Returns a free port that nobody can predict: RFC 6056 3.3.2, algorithm 2, with more tries. The
   * range is that of RFC 6335 6.
   *
   * @throws {StackError} `EADDRNOTAVAIL`: all ports are in use
   */
  chooseFree(address: IpAddress | undefined, version?: 4 | 6): number {
    for (let tries = 0; tries < RANDOM_TRIES; tries++) {
      const port = FIRST_PORT + (this.#nextRandom() % PORT_COUNT);
      if (this.isFree(address, port, version)) return port;
    }
    const start = this.#nextRandom() % PORT_COUNT;
    for (let i = 0; i < PORT_COUNT; i++) {
      const port = FIRST_PORT + ((start + i) % PORT_COUNT);
      if (this.isFree(address, port, version)) return port;
    }
    throw new StackError('EADDRNOTAVAIL', 'all ports from 49152 to 65535 are in use');
  }

  /** Iterates over a copy: sockets may be added and removed meanwhile. */
  [Symbol.iterator](): Iterator<Socket> {
    return [...this.#sockets.values()].flat()[Symbol.iterator]();
  }

  #nextRandom(): number {
    this.#randomBytes(new Uint8Array(this.#random.buffer));
    return this.#random[0];
  }
}

/**
 * Whether two sockets that are bound to all addresses have an IP version in common. undefined
 * stands for both versions.
 */
function overlaps(a: 4 | 6 | undefined, b: 4 | 6 | undefined): boolean {
  return a === undefined || b === undefined || a === b;
}

const FIRST_PORT = 49_152;
const PORT_COUNT = 16_384;
const RANDOM_TRIES = 16;
