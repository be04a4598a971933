/**
 * `InitiationFactory`: makes the peers of a responder, and their initiations, before the
 * measurement begins.
 *
 * The engine of Litz makes the initiations, with correct macs, growing timestamps, and a separate
 * sender index each. Their ephemeral keys come from a pool, so that making an initiation needs
 * hashes but no X25519. The responder cannot notice that, and computes X25519 again for each
 * initiation.
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
  /** Source address on the loopback interface. Responders have limits per address. */
  readonly address: string;
  /** The initiations, 148 bytes each, in the order of their timestamps. */
  readonly initiations: readonly Uint8Array[];
}

/** Returns the key of the responder, the same in every process. It is not secret. */
export function responderKey(): PrivateKey {
  return generatePrivateKey(seededRandomBytes(0x11));
}

/** Returns the private key of a peer. It is the same in every process. */
export function initiatorKey(number: number): PrivateKey {
  return generatePrivateKey(seededRandomBytes(0x1000 + number));
}

/** Returns the address of a peer, from 127.1.0.1 on. All of 127.0.0.0/8 is local. */
export function initiatorAddress(number: number): string {
  return `127.1.${number >> 7}.${(number & 127) + 1}`;
}

export class InitiationFactory {
  /** Shared by all engines, so that results of X25519 are computed once. */
  readonly #crypto: CryptoProvider = withPooledEphemerals();
  readonly #responder: PublicKey = publicKeyOf(responderKey(), nobleProvider);

  /** Makes the peer with this number, and `count` initiations of it. */
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

  /**
   * Makes the next initiation, with a later timestamp. First it takes the link down and up. Without
   * this, the engine would wait for an answer to the last initiation.
   */
  #initiate(engine: Engine): Uint8Array {
    engine.linkDown(0);
    engine.linkUp(0);
    engine.connect(this.#responder, 0);
    const message = engine.pollTransmit()?.datagram.slice();
    if (message?.length !== INITIATION_LENGTH) throw new Error('an initiation was not made');
    return message;
  }
}

/** Returns noble with a cache, so that X25519 is computed once for each pair of keys. */
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

/**
 * Fills `out` with random bytes. If `out` has 32 bytes, it is for a private key, and gets a key of
 * the pool. The engine asks for 32 bytes only when it needs a private key.
 */
function pooledRandomBytes(out: Uint8Array): void {
  randomFillSync(out);
  if (out.length === 32) seededRandomBytes(0x100 + (out[0]! % POOL))(out);
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1');
}

/**
 * The endpoint of the responder for the engine. Any endpoint will do, as the engine never sends.
 */
const ANYWHERE = new Endpoint(Uint8Array.of(127, 0, 0, 1), 1);
/** The number of ephemeral keys in the pool. */
const POOL = 64;
const INITIATION_LENGTH = 148;
