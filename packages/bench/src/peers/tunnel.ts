/**
 * `Tunnel`: one implementation at both ends of a pair of namespaces, configured over its UAPI socket.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { parseCidr, UapiClient } from '@litz/config';
import {
  Endpoint,
  generatePrivateKey,
  nobleProvider,
  publicKeyOf,
  type PrivateKey,
  type PublicKey,
} from '@litz/core';
import { RunningCommand, until } from './command.ts';
import { cpuSeconds, peakResidentMegabytes } from './daemon-process.ts';
import type { Implementation } from './implementation.ts';
import { ip, NamespacePair, OUTER, type Side } from './namespace-pair.ts';
import { ping } from './ping.ts';

/** Addresses inside of the tunnel. */
export const INNER: Readonly<Record<Side, string>> = { a: '10.9.0.1', b: '10.9.0.2' };

export class Tunnel {
  readonly namespaces: NamespacePair;
  readonly #ends: Record<Side, End>;

  /**
   * Up, with a session.
   *
   * @throws {Error} (rejects) a daemon failed, with what it wrote; everything is released
   */
  static async open(implementation: Implementation): Promise<Tunnel> {
    const namespaces = await NamespacePair.create();
    const tunnel = new Tunnel(implementation, namespaces);
    try {
      await tunnel.#start();
    } catch (error) {
      await tunnel.close();
      throw tunnel.#explained(error);
    }
    return tunnel;
  }

  private constructor(implementation: Implementation, namespaces: NamespacePair) {
    this.namespaces = namespaces;
    this.#ends = {
      a: new End(implementation, 'a', namespaces.a),
      b: new End(implementation, 'b', namespaces.b),
    };
  }

  /** Of both daemons since they were started. */
  cpuSeconds(): number {
    return cpuSeconds(this.#ends.a.daemon.pid) + cpuSeconds(this.#ends.b.daemon.pid);
  }

  /** The larger of the two daemons'. */
  peakResidentMegabytes(): number {
    const { a, b } = this.#ends;
    return Math.max(peakResidentMegabytes(a.daemon.pid), peakResidentMegabytes(b.daemon.pid));
  }

  /** @throws {Error} a daemon is not there any more; what it wrote */
  checkAlive(): void {
    for (const { daemon } of Object.values(this.#ends)) {
      if (daemon.hasEnded) throw new Error(`${daemon.name} has ended: ${daemon.errors.trim()}`);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#ends.a.close(), this.#ends.b.close()]);
    this.namespaces.close();
  }

  async #start(): Promise<void> {
    const { a, b } = this.#ends;
    await Promise.all([a.listens(), b.listens()]);
    await a.configure(b);
    await b.configure(a);
    await Promise.all([a.bringUp(), b.bringUp()]);
    // The first packet begins the handshake.
    await ping(this.namespaces.a, INNER.b, 5, 0.05);
  }

  #explained(error: unknown): Error {
    const wrote = Object.values(this.#ends)
      .map(({ daemon }) => daemon.errors.trim())
      .filter((text) => text !== '');
    const { message } = error as Error;
    return new Error([message, ...wrote].join('\n'), { cause: error });
  }
}

/** One daemon with its interface. */
class End {
  readonly daemon: RunningCommand;
  readonly #side: Side;
  readonly #namespace: string;
  /** All namespaces share the directory of the sockets: the name is unique on the machine. */
  readonly #interface: string;
  readonly #privateKey: PrivateKey = generatePrivateKey(randomFillSync);

  constructor(implementation: Implementation, side: Side, namespace: string) {
    this.#side = side;
    this.#namespace = namespace;
    this.#interface = `lb${process.pid.toString(36)}n${(started++).toString(36)}${side}`;
    SOCKETS.add(this.#socket);
    const [file, ...args] = implementation.command(this.#interface);
    this.daemon = new RunningCommand(file, args, { namespace, env: implementation.env ?? {} });
  }

  get publicKey(): PublicKey {
    return publicKeyOf(this.#privateKey, nobleProvider);
  }

  /** The UAPI socket is there. */
  async listens(): Promise<void> {
    await until(`${this.daemon.name}: socket`, () => {
      if (this.daemon.hasEnded) throw new Error(`${this.daemon.name} has ended`);
      return isSocket(this.#socket);
    });
  }

  async configure(other: End): Promise<void> {
    const { address } = parseCidr(`${OUTER[other.#side]}/32`);
    const client = new UapiClient(this.#socket);
    await client.set({
      privateKey: this.#privateKey,
      listenPort: PORT,
      peers: [
        {
          publicKey: other.publicKey,
          endpoint: new Endpoint(address, PORT),
          allowedIps: [parseCidr(`${INNER[other.#side]}/32`)],
        },
      ],
    });
  }

  async bringUp(): Promise<void> {
    const at = ['-n', this.#namespace];
    await ip(...at, 'addr', 'add', `${INNER[this.#side]}/24`, 'dev', this.#interface);
    await ip(...at, 'link', 'set', this.#interface, 'mtu', String(MTU), 'up');
  }

  async close(): Promise<void> {
    await this.daemon.end();
    rmSync(this.#socket, { force: true });
    SOCKETS.delete(this.#socket);
  }

  get #socket(): string {
    return `/var/run/wireguard/${this.#interface}.sock`;
  }
}

/** A daemon that was killed leaves its socket. */
export function removeSockets(): void {
  for (const path of SOCKETS) rmSync(path, { force: true });
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

const SOCKETS = new Set<string>();
const PORT = 51820;
const MTU = 1420;
let started = 0;
