/**
 * `InitiationFactory`: peers of a responder, with initiations made before the measurement begins.
 *
 * They are what an engine of ours sends: right macs, growing timestamps, a sender index of its own each.
 * Ephemeral keys come from a pool, so that making them costs hashes and no X25519; a responder cannot
 * tell, and computes everything anew for each.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import {
  Endpoint,
  Engine,
  generatePrivateKey,
  nobleProvider,
  publicKeyOf,
  type CryptoProvider,
  type PrivateKey,
  type PublicKey,
} from '@litz/core';
import { seededRandomBytes } from '@litz/testkit';

export interface Initiator {
  readonly publicKey: PublicKey;
  /** Source address on the loopback interface: limits of responders are per address. */
  readonly address: string;
  /** Of 148 bytes each, in the order of their timestamps. */
  readonly initiations: readonly Uint8Array[];
}

/** Whoever answers, and whoever configures it, find the same keys. Nothing here is secret. */
export function responderKey(): PrivateKey {
  return generatePrivateKey(seededRandomBytes(0x11));
}

export function initiatorKey(number: number): PrivateKey {
  return generatePrivateKey(seededRandomBytes(0x1000 + number));
}

/** 127.1.0.1 and on: all of 127.0.0.0/8 is local. */
export function initiatorAddress(number: number): string {
  return `127.1.${number >> 7}.${(number & 127) + 1}`;
}

export class InitiationFactory {
  readonly #crypto: CryptoProvider = withPooledEphemerals();
  readonly #responder: PublicKey = publicKeyOf(responderKey(), nobleProvider);

  create(number: number, count: number): Initiator {
    const engine = new Engine({
      randomBytes: pooledRandomBytes,
      unixTime: Date.now,
      crypto: this.#crypto,
    });
    const peers = [{ publicKey: this.#responder, endpoint: ANYWHERE }];
    engine.configure({ privateKey: initiatorKey(number), peers }, 0);
    const initiations = Array.from({ length: count }, () => this.#initiate(engine));
    return { publicKey: engine.publicKey!, address: initiatorAddress(number), initiations };
  }

  /** A link that was down waits for no answer. Its timestamp is later than the last one's. */
  #initiate(engine: Engine): Uint8Array {
    engine.linkDown(0);
    engine.linkUp(0);
    engine.connect(this.#responder, 0);
    const message = engine.pollTransmit()?.datagram.slice();
    if (message?.length !== INITIATION_LENGTH) throw new Error('an initiation was not made');
    return message;
  }
}

/** noble with the results of X25519 kept, as many as there are pairs of keys in use. */
function withPooledEphemerals(): CryptoProvider {
  const secrets = new Map<string, Uint8Array | undefined>();
  const publicKeys = new Map<string, Uint8Array>();
  return {
    ...nobleProvider,
    dh: (privateKey, publicKey) => {
      const id = `${nameOf(privateKey)} ${nameOf(publicKey)}`;
      if (!secrets.has(id)) secrets.set(id, nobleProvider.dh(privateKey, publicKey));
      return secrets.get(id)?.slice();
    },
    dhPublicKey: (privateKey) => {
      const id = nameOf(privateKey);
      const publicKey = publicKeys.get(id) ?? nobleProvider.dhPublicKey(privateKey);
      publicKeys.set(id, publicKey);
      return publicKey.slice();
    },
  };
}

/** Private keys are the only ones that take 32 bytes. */
function pooledRandomBytes(out: Uint8Array): void {
  randomFillSync(out);
  if (out.length === 32) seededRandomBytes(0x100 + (out[0]! % POOL))(out);
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1');
}

const ANYWHERE = new Endpoint(Uint8Array.of(127, 0, 0, 1), 1);
const POOL = 64;
const INITIATION_LENGTH = 148;
