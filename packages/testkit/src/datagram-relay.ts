/**
 * `DatagramRelay`: a UDP relay in front of a WireGuard node of the same network namespace. The
 * datagrams of both directions go over a `LossyPath`.
 *
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { LossyPath, type PathOptions } from './lossy-path.ts';

export interface DatagramRelayOptions {
  /** The port of the node, on 127.0.0.1. */
  readonly to: number;
  /** The port of the relay, on all IPv4 addresses. Default: any free port. */
  readonly port?: number;
  readonly path?: PathOptions;
}

/**
 * A relay with one client: the sender of the last datagram that came to the port of the relay.
 */
export class DatagramRelay {
  /** Host 0 is the client, host 1 is the node. */
  readonly path: LossyPath;
  /** The socket to which the client sends. */
  readonly #front: Socket = createSocket('udp4');
  /** The socket to which the node sends. */
  readonly #back: Socket = createSocket('udp4');
  readonly #to: number;
  readonly #timer: NodeJS.Timeout;
  #client: AddressInfo | undefined;

  /** @throws {Error} (rejects) the port cannot be bound */
  static async open({ to, port = 0, path = {} }: DatagramRelayOptions): Promise<DatagramRelay> {
    const relay = new DatagramRelay(to, path);
    try {
      relay.#front.bind(port);
      relay.#back.bind(0);
      await Promise.all([once(relay.#front, 'listening'), once(relay.#back, 'listening')]);
      return relay;
    } catch (error) {
      relay.close();
      throw error;
    }
  }

  private constructor(to: number, path: PathOptions) {
    this.#to = to;
    this.path = new LossyPath(path);
    this.#front.on('message', (bytes, from) => {
      this.#client = from;
      this.path.put(1, bytes, performance.now());
      this.#deliver();
    });
    this.#back.on('message', (bytes) => {
      this.path.put(0, bytes, performance.now());
      this.#deliver();
    });
    this.#timer = setInterval(() => this.#deliver(), DELIVERY_INTERVAL_MS);
  }

  get port(): number {
    return this.#front.address().port;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#front.close();
    this.#back.close();
  }

  /** Sends the datagrams that have arrived at the end of the path. */
  #deliver(): void {
    const now = performance.now();
    for (let flight = this.path.take(now); flight; flight = this.path.take(now)) {
      if (flight.to === 1) this.#back.send(flight.packet, this.#to, '127.0.0.1');
      else this.#front.send(flight.packet, this.#client!.port, this.#client!.address);
    }
  }
}

const DELIVERY_INTERVAL_MS = 1;
