/**
 * `NodeKeys`: the own keys, from their files to where a rotation of them stands.
 *
 * @module
 */
import type { PrivateKey, PublicKey } from '@litz/core';
import { equalBytes, wipe } from '@litz/core/internals';
import type { KeyStore, OwnKey } from '../keys/key-store.ts';
import { planKeys, raisesOf, type Identities, type KeysPlan } from '../keys/rotation.ts';
import { MOST_GENERATION, type NodeKey } from '../record/node-record.ts';

/** What decides how a rotation goes on. */
export interface RotationInput {
  /** Of the own record; undefined while that is not known. */
  readonly recordKeys: readonly NodeKey[] | undefined;
  readonly daemon: Identities | undefined;
  /** Names of peers that have no session by this key. */
  readonly unanswered: (own: PublicKey) => readonly string[];
}

export interface NodeKeysOptions {
  readonly store: KeyStore;
  readonly rotateTimeoutMs: number;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly log: (line: string) => void;
}

/** A rotation that can't begin, or a key that can't be given. */
export class RotationError extends Error {
  override readonly name = 'RotationError';
}

export class NodeKeys {
  readonly #store: KeyStore;
  readonly #options: NodeKeysOptions;
  #keys: readonly NodeKey[] = [];
  /** When the record was first seen to have both keys. */
  #publishedAt: number | undefined = undefined;

  /**
   * Makes the first key if there is none.
   *
   * @throws {KeyFileError} a file can't be used, or not be written
   */
  constructor(options: NodeKeysOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#read();
    if (this.#keys.length > 0) return;
    wipe(this.#store.create(1).privateKey);
    this.#read();
    options.log(`made a key for this node: ${this.#keys[0]?.publicKey.toBase64()}`);
  }

  /** The older one first; two while a rotation goes on. */
  get keys(): readonly NodeKey[] {
    return this.#keys;
  }

  /** Where the rotation stands, and what follows from it. */
  plan({ recordKeys, daemon, unanswered }: RotationInput): KeysPlan {
    if (recordKeys) this.#raise(recordKeys);
    const newest = this.#keys.at(-1);
    this.#notePublished(recordKeys, newest);
    const isRotating = this.#keys.length > 1 && newest !== undefined;
    return planKeys({
      keys: this.#keys,
      recordKeys,
      daemon,
      unanswered: isRotating ? unanswered(newest.publicKey) : [],
      isOverdue: this.dueAt !== undefined && this.#options.now() >= this.dueAt,
    });
  }

  /** Unix time at which the rotation waits for nobody any more; undefined while it does not wait. */
  get dueAt(): number | undefined {
    if (this.#publishedAt === undefined) return undefined;
    return this.#publishedAt + this.#options.rotateTimeoutMs;
  }

  /**
   * Makes the next key. The rest follows from its being there.
   *
   * @param options.revoke all keys that there are are dropped, whoever knows the new one by then: who has
   *   read one file of the folder may have read the other one too
   * @throws {RotationError} a rotation goes on already
   */
  rotate({ revoke = false }: { readonly revoke?: boolean } = {}): NodeKey {
    const dropped = revoke ? this.#keys : [];
    const newest = this.#keys.at(-1);
    if (!newest) throw new RotationError('there is no key');
    if (this.#keys.length > 1 && !revoke) {
      throw new RotationError(
        `a rotation to generation ${newest.generation} goes on already: wait until it is over, ` +
          'or drop both keys at once with --revoke',
      );
    }
    if (newest.generation >= MOST_GENERATION) {
      throw new RotationError(
        `generation ${newest.generation} is the last one. To begin anew with generation 1, take the ` +
          `node out with litz agent down, and remove its key from ${this.#store.folder}`,
      );
    }
    wipe(this.#store.create(newest.generation + 1).privateKey);
    for (const { generation } of dropped) this.#store.remove(generation);
    this.#read();
    return this.#keys.at(-1)!;
  }

  /** Deletes a key that is no more used. */
  forget({ generation }: NodeKey): void {
    this.#store.remove(generation);
    this.#read();
  }

  /**
   * A copy, for whoever wipes it.
   *
   * @throws {KeyFileError | RotationError} it is not there any more
   */
  privateKeyOf(publicKey: PublicKey): PrivateKey {
    const all = this.#store.read();
    try {
      const found = all.find((key) => equalBytes(key.publicKey, publicKey));
      if (found) return found.privateKey.slice() as PrivateKey;
      throw new RotationError(
        `${this.#store.folder} has no key for ${publicKey.toBase64()} any more`,
      );
    } finally {
      for (const { privateKey } of all) wipe(privateKey);
    }
  }

  #notePublished(recordKeys: readonly NodeKey[] | undefined, newest: NodeKey | undefined): void {
    if (!recordKeys || !newest) return;
    const isWaiting = this.#keys.length > 1 && recordKeys.some((key) => isSame(key, newest));
    if (!isWaiting) this.#publishedAt = undefined;
    else this.#publishedAt ??= this.#options.now();
  }

  #raise(recordKeys: readonly NodeKey[]): void {
    const raises = raisesOf(this.#keys, recordKeys);
    for (const { from, to } of raises) {
      this.#store.raise(from, to);
      this.#options.log(
        `the key of generation ${from} is generation ${to} now: the record is ahead`,
      );
    }
    if (raises.length > 0) this.#read();
  }

  #read(): void {
    const all = this.#store.read();
    this.#keys = all.slice(-2).map(withoutSecret);
    // A third one is left of a rotation whose end was interrupted.
    for (const { generation } of all.slice(0, -2)) this.#store.remove(generation);
    for (const { privateKey } of all) wipe(privateKey);
  }
}

function withoutSecret({ publicKey, generation, createdAt }: OwnKey): NodeKey {
  return { publicKey, generation, createdAt };
}

function isSame(a: NodeKey, b: NodeKey): boolean {
  return equalBytes(a.publicKey, b.publicKey);
}
