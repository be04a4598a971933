/**
 * `RotatingEnd`: a daemon whose static key is replaced, and what it knows of the other end.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { parseCidr } from '@litz/config';
import {
  Endpoint,
  formatKey,
  generatePrivateKey,
  nobleProvider,
  publicKeyOf,
  type PeerConfiguration,
  type PrivateKey,
  type PublicKey,
} from '@litz/core';
import { Daemon } from '../peers/daemon.ts';
import type { Implementation } from '../peers/implementation.ts';
import { OUTER, type NamespacePair, type Side } from '../peers/namespace-pair.ts';
import { INNER } from '../peers/tunnel.ts';

export class RotatingEnd {
  readonly side: Side;
  readonly namespace: string;
  readonly #daemon: Daemon;
  #privateKey: PrivateKey = generatePrivateKey(randomFillSync);
  #next: PrivateKey = this.#privateKey;

  constructor(implementation: Implementation, namespaces: NamespacePair, side: Side) {
    this.side = side;
    this.namespace = namespaces[side];
    this.#daemon = new Daemon(implementation, { namespace: this.namespace });
  }

  get publicKey(): PublicKey {
    return publicKeyOf(this.#privateKey, nobleProvider);
  }

  get nextPublicKey(): PublicKey {
    return publicKeyOf(this.#next, nobleProvider);
  }

  /** Up, and known to nobody yet. */
  async start(): Promise<void> {
    await this.#daemon.listens();
    await this.#daemon.configure({ privateKey: this.#privateKey, listenPort: PORT });
    await this.#daemon.bringUp(`${INNER[this.side]}/24`, MTU);
  }

  /** Has the other end for a peer. */
  async introduce(other: RotatingEnd): Promise<void> {
    await this.#daemon.configure({ peers: [asPeer(other, other.publicKey)] });
  }

  /** Step 1: another key, which nobody has seen yet. */
  prepare(): void {
    this.#next = generatePrivateKey(randomFillSync);
  }

  /** Step 2: a peer of ours that has two keys. */
  async learn(other: RotatingEnd): Promise<void> {
    const { publicKey, nextPublicKey } = other;
    await this.#daemon.configure({ peers: [{ publicKey, nextPublicKey }] });
  }

  /** The same for a peer that may have one key: one command exchanges it. */
  async exchange(other: RotatingEnd, options: Partial<PeerConfiguration>): Promise<void> {
    const { publicKey, nextPublicKey } = other;
    const added = { ...asPeer(other, nextPublicKey), ...options };
    await this.#daemon.configure({ peers: [added, { publicKey, remove: true }] });
  }

  /** Step 3. */
  async begin(): Promise<void> {
    await this.#daemon.configure({ nextPrivateKey: this.#next });
  }

  /** Step 4: the peer has answered the next key. @throws {Error} (rejects) it has not, in time */
  async isAnswered(): Promise<void> {
    const wanted = formatKey(this.nextPublicKey);
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const { peers } = await this.#daemon.status();
      const { sessionKeys } = peers[0] ?? {};
      if (sessionKeys && formatKey(sessionKeys.own) === wanted) return;
      if (performance.now() > end) throw new Error(`${this.side}: the next key has no answer`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Step 5: the old key is gone, here and with a peer that knew both. */
  async complete(other?: RotatingEnd): Promise<void> {
    const { publicKey } = this;
    await this.#daemon.configure({ privateKey: this.#next });
    await other?.forget(publicKey);
    this.#privateKey = this.#next;
  }

  async forget(publicKey: PublicKey): Promise<void> {
    await this.#daemon.configure({ peers: [{ publicKey, promotePublicKey: true }] });
  }

  /** @throws {Error} it is not there any more; what it wrote */
  checkAlive(): void {
    this.#daemon.checkAlive();
  }

  async close(): Promise<void> {
    await this.#daemon.close();
  }
}

function asPeer({ side }: RotatingEnd, publicKey: PublicKey): PeerConfiguration {
  return {
    publicKey,
    endpoint: new Endpoint(parseCidr(`${OUTER[side]}/32`).address, PORT),
    allowedIps: [parseCidr(`${INNER[side]}/32`)],
  };
}

const PORT = 51820;
const MTU = 1420;
const PATIENCE_MS = 20_000;
const POLL_MS = 20;
