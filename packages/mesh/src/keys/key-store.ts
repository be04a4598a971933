/**
 * `KeyStore`: the private keys of a node, as files in the node's own directory.
 * ```
 *   /var/lib/litz/litz0.3.key     generation 3: base64 and a newline, as `wg genkey` writes it
 *   /var/lib/litz/litz0.4.key     the next key, during a rotation
 * ```
 *
 * Each file has one key. The generation is in the file name, and the file's modification time is
 * the time at which the key was created. So there is no second file that could contradict the file
 * of the key. A key is written to a temporary file, synced and renamed, and then the directory is
 * synced. After a crash, the file has the complete key or does not exist.
 *
 * A file that cannot be read, is not a key, or can be read by others is an error. Such a file is
 * never replaced, because the other nodes know this node by this key.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import {
  generatePrivateKey,
  nobleProvider,
  parsePrivateKey,
  publicKeyOf,
  type PrivateKey,
  type PublicKey,
} from '@litz/core';
import { wipe } from '@litz/core/internals';
import { untrustedFolder } from '@litz/config/uapi';
import { explainFileError } from '../file-error.ts';
import { MOST_GENERATION } from '../record/node-record.ts';
import { makeStateFolder, replaceStateFile } from './state-file.ts';
import { syncFolder } from './sync-folder.ts';

/** A key pair of this node. */
export interface OwnKey {
  readonly generation: number;
  readonly publicKey: PublicKey;
  readonly privateKey: PrivateKey;
  /** Unix time in milliseconds. */
  readonly createdAt: number;
}

/** A key file cannot be read, written or used. The message names the file. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}

/** Where the keys are stored. */
export interface KeyStoreOptions {
  /** For example '/var/lib/litz'. */
  readonly folder: string;
  readonly interfaceName: string;
  /** Unix time in milliseconds. */
  readonly now?: () => number;
}

/**
 * The private keys of a node in files that only their owner can read.
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { KeyStore } from '@litz/mesh';
 *
 * const store = new KeyStore({ folder: mkdtempSync('/tmp/keys-'), interfaceName: 'litz0' });
 * const { generation, privateKey } = store.create(1);
 * privateKey.fill(0); // the caller wipes it
 * console.log(generation); //=> 1
 * ```
 */
export class KeyStore {
  readonly folder: string;
  readonly #interfaceName: string;
  readonly #now: () => number;

  constructor({ folder, interfaceName, now = Date.now }: KeyStoreOptions) {
    this.folder = folder;
    this.#interfaceName = interfaceName;
    this.#now = now;
  }

  /**
   * Returns all keys, the oldest generation first: one, or two during a rotation; none before the
   * first start. The caller must wipe the private keys.
   *
   * @throws {KeyFileError} a file cannot be used; the message names it and says what to do
   */
  read(): OwnKey[] {
    const keys: OwnKey[] = [];
    try {
      for (const generation of this.#generations()) keys.push(this.#readKey(generation));
      return keys;
    } catch (error) {
      for (const { privateKey } of keys) wipe(privateKey);
      throw error;
    }
  }

  /**
   * Creates a key. The key is on the disk when this function returns. The caller must wipe the
   * private key.
   *
   * @throws {KeyFileError} the file cannot be written, a key of that generation exists, or the
   *   generation is above `MOST_GENERATION`
   */
  create(generation: number): OwnKey {
    const path = this.#path(generation);
    refuseGeneration(path, generation);
    const privateKey = generatePrivateKey((out) => void randomFillSync(out));
    try {
      this.#makeFolder();
      if (this.#generations().includes(generation))
        throw new KeyFileError(`${path}: already exists`);
      this.#write(path, `${privateKey.toBase64()}\n`);
    } catch (error) {
      wipe(privateKey);
      throw fileError(path, 'cannot be written', error);
    }
    wipe(privateKey);
    return this.#readKey(generation);
  }

  /**
   * Renames the file of a key to a later generation. The file of the old generation is then gone.
   *
   * @throws {KeyFileError} the file cannot be renamed, a key of that generation exists, or the
   *   generation is above `MOST_GENERATION`
   */
  raise(from: number, to: number): void {
    const path = this.#path(to);
    refuseGeneration(path, to);
    try {
      if (this.#generations().includes(to)) throw new KeyFileError(`${path}: already exists`);
      renameSync(this.#path(from), path);
      syncFolder(this.folder);
    } catch (error) {
      throw fileError(path, 'cannot be written', error);
    }
  }

  /**
   * Deletes a key that is no longer used.
   *
   * @throws {KeyFileError} the file cannot be removed
   */
  remove(generation: number): void {
    const path = this.#path(generation);
    try {
      rmSync(path, { force: true });
      syncFolder(this.folder);
    } catch (error) {
      throw fileError(path, 'cannot be removed', error);
    }
  }

  #path(generation: number): string {
    return join(this.folder, `${this.#interfaceName}.${generation}.key`);
  }

  #generations(): number[] {
    let names: string[];
    try {
      names = readdirSync(this.folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw fileError(this.folder, 'cannot be read', error);
    }
    const untrusted = untrustedFolder(this.folder);
    if (untrusted !== undefined) throw new KeyFileError(untrusted);
    const prefix = `${this.#interfaceName}.`;
    return names
      .filter((name) => name.startsWith(prefix) && KEY_SUFFIX.test(name.slice(prefix.length)))
      .map((name) => Number(name.slice(prefix.length, -'.key'.length)))
      .toSorted((a, b) => a - b);
  }

  #readKey(generation: number): OwnKey {
    const path = this.#path(generation);
    const buffer = Buffer.alloc(MOST_BYTES);
    let fd = -1;
    try {
      // A symbolic link could lead to a file that others can write, and opening a pipe would block.
      fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const stats = fstatSync(fd);
      refuseLoose(path, stats);
      const length = readSync(fd, buffer);
      const privateKey = readText(path, buffer.subarray(0, length));
      return {
        generation,
        privateKey,
        publicKey: publicKeyOf(privateKey, nobleProvider),
        createdAt: Math.round(stats.mtimeMs),
      };
    } catch (error) {
      throw fileError(path, 'cannot be read', error);
    } finally {
      wipe(buffer);
      if (fd !== -1) closeSync(fd);
    }
  }

  #makeFolder(): void {
    makeStateFolder(this.folder);
    const untrusted = untrustedFolder(this.folder);
    if (untrusted !== undefined) throw new KeyFileError(untrusted);
  }

  #write(path: string, text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    try {
      replaceStateFile(path, bytes, this.#now());
    } finally {
      wipe(bytes);
    }
  }
}

/**
 * Refuses a generation that is too high for a record, because no other node would accept the
 * record.
 */
function refuseGeneration(path: string, generation: number): void {
  if (generation <= MOST_GENERATION) return;
  throw new KeyFileError(`${path}: the generation is above ${MOST_GENERATION}, the highest one`);
}

function refuseLoose(path: string, { mode, uid }: Stats): void {
  const own = process.geteuid?.();
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) {
    throw new KeyFileError(`${path}: is not a regular file`);
  }
  if (own !== undefined && uid !== 0 && uid !== own) {
    throw new KeyFileError(
      `${path}: belongs to user ${uid}, who can read the key: chown ${own} ${path}`,
    );
  }
  if ((mode & 0o077) === 0) return;
  const digits = (mode & 0o7777).toString(8).padStart(4, '0');
  throw new KeyFileError(
    `${path}: has mode ${digits}, so other users may read the key: chmod 600 ${path}`,
  );
}

function readText(path: string, bytes: Buffer): PrivateKey {
  const text = bytes.toString('latin1').replace(/\r?\n$/, '');
  const raw =
    bytes.length === 32
      ? ' (32 raw bytes, as Cilium stores them: "base64 FILE" converts them)'
      : '';
  if (text.length !== KEY_TEXT_LENGTH) {
    const expected = `expected ${KEY_TEXT_LENGTH} characters of base64 and a newline`;
    throw new KeyFileError(
      `${path}: ${expected}, got ${bytes.length} bytes${raw}. ${NOT_REPLACED}`,
    );
  }
  try {
    return parsePrivateKey(text);
  } catch {
    throw new KeyFileError(`${path}: is not a private key in base64. ${NOT_REPLACED}`);
  }
}

function fileError(path: string, what: string, error: unknown): KeyFileError {
  if (error instanceof KeyFileError) return error;
  return new KeyFileError(`${path}: ${what}: ${explainFileError(error)}`);
}

const KEY_SUFFIX = /^(?:0|[1-9]\d{0,14})\.key$/;
const KEY_TEXT_LENGTH = 44;
const MOST_BYTES = 256;
const NOT_REPLACED =
  'Litz does not replace it, because the other nodes know this node by this key. ' +
  'Delete the file to get a new key';
