/**
 * `KernelEnd`: the WireGuard of a Linux kernel as the end that learns a new key of Litz.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import {
  formatKey,
  generatePrivateKey,
  nobleProvider,
  publicKeyOf,
  type PrivateKey,
  type PublicKey,
} from '@litz/core';
import { wipe } from '@litz/core/internals';
import { OUTER, type NamespacePair } from '../peers/namespace-pair.ts';
import { INNER } from '../peers/tunnel.ts';
import { KernelGuest } from './kernel-guest.ts';
import { PORT, type ExchangingEnd, type RotatingEnd } from './rotating-end.ts';

export class KernelEnd implements ExchangingEnd {
  readonly side = 'b';
  readonly namespace: string;
  readonly #namespaces: NamespacePair;
  readonly publicKey: PublicKey;
  readonly #privateKey: PrivateKey = generatePrivateKey(randomFillSync);
  #guest: KernelGuest | undefined = undefined;

  constructor(namespaces: NamespacePair) {
    this.#namespaces = namespaces;
    this.namespace = namespaces.b;
    this.publicKey = publicKeyOf(this.#privateKey, nobleProvider);
  }

  async start(): Promise<void> {
    this.#guest = await KernelGuest.boot(this.#namespaces);
    const key = `umask 077; echo ${formatKey(this.#privateKey)} > /tmp/key`;
    await this.#run(`${key}; /bin/wg set wg0 listen-port ${PORT} private-key /tmp/key`);
    wipe(this.#privateKey);
  }

  async introduce(other: RotatingEnd): Promise<void> {
    await this.#run(`/bin/wg set wg0 ${peerWords(other.publicKey)}`);
  }

  async exchange(
    other: RotatingEnd,
    { persistentKeepalive }: { readonly persistentKeepalive: number },
  ): Promise<void> {
    const added = `${peerWords(other.nextPublicKey)} persistent-keepalive ${persistentKeepalive}`;
    await this.#run(`/bin/wg set wg0 ${added} peer ${formatKey(other.publicKey)} remove`);
  }

  checkAlive(): void {
    this.#guest?.checkAlive();
  }

  async close(): Promise<void> {
    await this.#guest?.close();
  }

  async #run(line: string): Promise<void> {
    await this.#guest!.run(line);
  }
}

function peerWords(publicKey: PublicKey): string {
  return `peer ${formatKey(publicKey)} endpoint ${OUTER.a}:${PORT} allowed-ips ${INNER.a}/32`;
}
