/**
 * `NodeKeys`: reads and writes the key files of this node, and plans each step of a rotation.
 *
 * @module
 */
import type { PrivateKey, PublicKey } from '@litz/core';
import { equalBytes, wipe } from '@litz/core/internals';
import type { KeyStore, OwnKey } from '../keys/key-store.ts';
import { planKeys, planRaises, type Identities, type KeysPlan } from '../keys/rotation.ts';
import { MOST_GENERATION, type NodeKey } from '../record/node-record.ts';

/** The inputs that decide the next step of a rotation. */
export interface RotationInput {
  /**
   * The keys in this node's record. Empty if there is no record; undefined while the record is not
   * known.
   */
  readonly recordKeys: readonly NodeKey[] | undefined;
  readonly daemon: Identities | undefined;
  /** Returns the names of the peers that have no session with this key of this node. */
  readonly unanswered: (own: PublicKey) => readonly string[];
}

export interface NodeKeysOptions {
  readonly store: KeyStore;
  readonly rotateTimeoutMs: number;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly log: (line: string) => void;
}

/** A rotation cannot start, or a key does not exist. */
export class RotationError extends Error {
  override readonly name = 'RotationError';
}

export class NodeKeys {
  readonly #store: KeyStore;
  readonly #options: NodeKeysOptions;
  #keys: readonly NodeKey[] = [];
  /** Unix time in milliseconds at which this node's record was first seen with the new key. */
  #publishedAt: number | undefined = undefined;

  /**
   * Creates the first key if there is none.
   *
   * @throws {KeyFileError} a key file cannot be used or written
   */
  constructor(options: NodeKeysOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#read();
    if (this.#keys.length > 0) return;
    wipe(this.#store.create(1).privateKey);
    this.#read();
    options.log(`created a key for this node: ${this.#keys[0]?.publicKey.toBase64()}`);
  }

  /** The keys, the older one first. There are two during a rotation, else one. */
  get keys(): readonly NodeKey[] {
    return this.#keys;
  }

  /**
   * Returns what each key is used for now.
   *
   * @throws {KeyFileError} a key file cannot be renamed or read
   */
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

  /**
   * Unix time in milliseconds at which the rotation stops waiting for peers. Undefined while it
   * does not wait.
   */
  get dueAt(): number | undefined {
    if (this.#publishedAt === undefined) return undefined;
    return this.#publishedAt + this.#options.rotateTimeoutMs;
  }

  /**
   * Creates the next key. Later rounds then carry out the rotation.
   *
   * @param options.revoke deletes all earlier keys at once, even if some peers do not know the new
   *   key yet. During a rotation this deletes both keys, because an attacker who has read one key
   *   file may have read the other key file too
   * @throws {RotationError} a rotation is already in progress, or there is no further generation
   * @throws {KeyFileError} a key file cannot be written or removed
   */
  rotate({ revoke = false }: { readonly revoke?: boolean } = {}): NodeKey {
    const dropped = revoke ? this.#keys : [];
    const newest = this.#keys.at(-1);
    if (!newest) throw new RotationError('this node has no key');
    if (this.#keys.length > 1 && !revoke) {
      throw new RotationError(
        `a rotation to generation ${newest.generation} is already in progress: wait until it ends, ` +
          'or delete both keys at once with --revoke',
      );
    }
    if (newest.generation >= MOST_GENERATION) {
      throw new RotationError(
        `generation ${newest.generation} is the last one. To start again with generation 1, run ` +
          `"litz agent down" and delete the key file in ${this.#store.folder}`,
      );
    }
    wipe(this.#store.create(newest.generation + 1).privateKey);
    for (const { generation } of dropped) this.#store.remove(generation);
    this.#read();
    return this.#keys.at(-1)!;
  }

  /** Deletes a key that is no longer used. */
  forget({ generation }: NodeKey): void {
    this.#store.remove(generation);
    this.#read();
  }

  /**
   * Returns a copy of a private key. The caller must wipe it.
   *
   * @throws {KeyFileError | RotationError} the key files cannot be read, or the key was deleted
   */
  privateKeyOf(publicKey: PublicKey): PrivateKey {
    const all = this.#store.read();
    try {
      const found = all.find((key) => equalBytes(key.publicKey, publicKey));
      if (found) return found.privateKey.slice() as PrivateKey;
      throw new RotationError(
        `${this.#store.folder} no longer has a key for ${publicKey.toBase64()}`,
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
    const raises = planRaises(this.#keys, recordKeys);
    for (const { from, to } of raises) {
      this.#store.raise(from, to);
      this.#options.log(
        `the key of generation ${from} is now generation ${to}, ` +
          'because the record has a later generation',
      );
    }
    if (raises.length > 0) this.#read();
  }

  #read(): void {
    const all = this.#store.read();
    this.#keys = all.slice(-2).map(withoutSecret);
    // There is a third key if the agent was killed while it revoked the two keys of a rotation.
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
