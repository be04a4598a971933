/**
 * `RotatingEnd`: one end of a tunnel whose static key is replaced. It has a daemon, and carries out
 * each step of a rotation on this daemon.
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

/** An end of a tunnel that learns a new key of the other end. The new key replaces the old one. */
export interface ExchangingEnd {
  readonly side: Side;
  /** The namespace of the program that sends or receives the stream at this end. */
  readonly namespace: string;
  readonly publicKey: PublicKey;
  /** Starts this end, without a peer. */
  start(): Promise<void>;
  /** Adds the other end as a peer. */
  introduce(other: RotatingEnd): Promise<void>;
  /** Adds the next key of the other end and removes the old key of the other end, in one change. */
  exchange(other: RotatingEnd, options: { readonly persistentKeepalive: number }): Promise<void>;
  /** @throws {Error} its program has ended; the message has the last part of the stderr */
  checkAlive(): void;
  close(): Promise<void>;
}

/** The UDP port of both ends. */
export const PORT = 51820;

export class RotatingEnd implements ExchangingEnd {
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

  /** Starts the daemon, without a peer. */
  async start(): Promise<void> {
    await this.#daemon.untilListening();
    await this.#daemon.configure({ privateKey: this.#privateKey, listenPort: PORT });
    await this.#daemon.bringUp(`${INNER[this.side]}/24`, MTU);
  }

  /** Adds the other end as a peer. */
  async introduce(other: Pick<ExchangingEnd, 'side' | 'publicKey'>): Promise<void> {
    await this.#daemon.configure({ peers: [asPeer(other, other.publicKey)] });
  }

  /** Step 1: makes a new key. */
  prepare(): void {
    this.#next = generatePrivateKey(randomFillSync);
  }

  /**
   * Step 2: gives the daemon the next key of the other end. Then the daemon knows two keys of this
   * peer.
   */
  async learn(other: RotatingEnd): Promise<void> {
    const { publicKey, nextPublicKey } = other;
    await this.#daemon.configure({ peers: [{ publicKey, nextPublicKey }] });
  }

  /**
   * Step 2 for an implementation with one key per peer. One request removes the peer with the old
   * key and adds a peer with the new one.
   */
  async exchange(
    other: RotatingEnd,
    options: { readonly persistentKeepalive: number },
  ): Promise<void> {
    const { publicKey, nextPublicKey } = other;
    const added = { ...asPeer(other, nextPublicKey), ...options };
    await this.#daemon.configure({ peers: [added, { publicKey, remove: true }] });
  }

  /** Step 3: sets the new key as this end's next private key. */
  async begin(): Promise<void> {
    await this.#daemon.configure({ nextPrivateKey: this.#next });
  }

  /**
   * Step 4: waits until the peer has answered the next key.
   *
   * @throws {Error} (rejects) no answer in time
   */
  async untilAnswered(): Promise<void> {
    const wanted = formatKey(this.nextPublicKey);
    const end = performance.now() + ANSWER_TIMEOUT_MS;
    for (;;) {
      const { peers } = await this.#daemon.status();
      const { sessionStaticKeys } = peers[0] ?? {};
      if (sessionStaticKeys && formatKey(sessionStaticKeys.own) === wanted) return;
      if (performance.now() > end) throw new Error(`${this.side}: the next key has no answer`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /**
   * Step 5: removes the old key at this end.
   *
   * @param other the other end, if it knows both keys of this end. It then forgets the old key too.
   */
  async complete(other?: RotatingEnd): Promise<void> {
    const { publicKey } = this;
    await this.#daemon.configure({ privateKey: this.#next });
    await other?.forget(publicKey);
    this.#privateKey = this.#next;
  }

  /** Removes `publicKey`, the old key of the other end, by promoting the next key. */
  async forget(publicKey: PublicKey): Promise<void> {
    await this.#daemon.configure({ peers: [{ publicKey, promotePublicKey: true }] });
  }

  /** @throws {Error} the daemon has ended; the message has the last part of its stderr */
  checkAlive(): void {
    this.#daemon.checkAlive();
  }

  async close(): Promise<void> {
    await this.#daemon.close();
  }
}

function asPeer({ side }: Pick<ExchangingEnd, 'side'>, publicKey: PublicKey): PeerConfiguration {
  return {
    publicKey,
    endpoint: new Endpoint(parseCidr(`${OUTER[side]}/32`).address, PORT),
    allowedIps: [parseCidr(`${INNER[side]}/32`)],
  };
}

const MTU = 1420;
const ANSWER_TIMEOUT_MS = 20_000;
const POLL_MS = 20;
