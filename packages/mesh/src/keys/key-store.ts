/**
 * `KeyStore`: the private keys of a node, as files of its own folder.
 *
 * ```
 *   /var/lib/litz/litz0.3.key     generation 3, base64 and a line end, as `wg genkey` writes one
 *   /var/lib/litz/litz0.4.key     the next one, while a rotation goes on
 * ```
 * A file is a key, its name is its generation and its time is when the key was made, so there is nothing
 * that two files could say differently. A key is written under a temporary name, synced, renamed, and
 * the folder synced: after a crash it is there whole or not at all.
 *
 * A file that can't be read, isn't a key or may be read by others is an error. It is never replaced: the
 * other nodes know the node by this key.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  utimesSync,
  writeSync,
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
import { MOST_GENERATION } from '../record/node-record.ts';
import { syncFolder } from './sync-folder.ts';

/** A key of this node. */
export interface OwnKey {
  readonly generation: number;
  readonly publicKey: PublicKey;
  readonly privateKey: PrivateKey;
  /** Unix time in milliseconds. */
  readonly createdAt: number;
}

export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}

export interface KeyStoreOptions {
  /** '/var/lib/litz' */
  readonly folder: string;
  readonly interfaceName: string;
  /** Unix time in milliseconds. */
  readonly now?: () => number;
}

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
   * All keys, the oldest generation first: one, or two while a rotation goes on; none before the first
   * start. Whoever gets them wipes them.
   *
   * @throws {KeyFileError} a file that can't be used, by its name, and what to do
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
   * Makes a key, which is on the disk when this returns.
   *
   * @throws {KeyFileError} it can't be written, or there is one of that generation
   */
  create(generation: number): OwnKey {
    const path = this.#path(generation);
    refuseGeneration(path, generation);
    const privateKey = generatePrivateKey((out) => void randomFillSync(out));
    try {
      this.#makeFolder();
      if (this.#generations().includes(generation))
        throw new KeyFileError(`${path}: is there already`);
      this.#write(path, `${privateKey.toBase64()}\n`);
    } catch (error) {
      wipe(privateKey);
      throw fileError(path, 'cannot be written', error);
    }
    wipe(privateKey);
    return this.#readKey(generation);
  }

  /** The key is from now on of a later generation. What it was is no more. */
  raise(from: number, to: number): void {
    const path = this.#path(to);
    refuseGeneration(path, to);
    try {
      if (this.#generations().includes(to)) throw new KeyFileError(`${path}: is there already`);
      renameSync(this.#path(from), path);
      syncFolder(this.folder);
    } catch (error) {
      throw fileError(path, 'cannot be written', error);
    }
  }

  /** Deletes a key that is no more used. */
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
      // A link could lead to a file that others may write, and a pipe would be waited for.
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
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const untrusted = untrustedFolder(this.folder);
    if (untrusted !== undefined) throw new KeyFileError(untrusted);
  }

  #write(path: string, text: string): void {
    const temporary = `${path}.${process.pid}.new`;
    rmSync(temporary, { force: true });
    const bytes = Buffer.from(text, 'latin1');
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      if (writeSync(fd, bytes) !== bytes.length) throw new Error('ENOSPC: not all was written');
      const seconds = this.#now() / 1000;
      utimesSync(temporary, seconds, seconds);
      fsyncSync(fd);
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    } finally {
      wipe(bytes);
      closeSync(fd);
    }
    syncFolder(this.folder);
  }
}

/** A file of a generation that no record can have would be a key that nobody finds again. */
function refuseGeneration(path: string, generation: number): void {
  if (generation <= MOST_GENERATION) return;
  throw new KeyFileError(`${path}: is of a generation above ${MOST_GENERATION}, the last one`);
}

function refuseLoose(path: string, { mode, uid }: Stats): void {
  const own = process.geteuid?.();
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) {
    throw new KeyFileError(`${path}: is no ordinary file`);
  }
  if (own !== undefined && uid !== 0 && uid !== own) {
    throw new KeyFileError(
      `${path}: belongs to user ${uid}, who knows the key: chown ${own} ${path}`,
    );
  }
  if ((mode & 0o077) === 0) return;
  const digits = (mode & 0o7777).toString(8).padStart(4, '0');
  throw new KeyFileError(`${path}: has mode ${digits}, others may read the key: chmod 600 ${path}`);
}

function readText(path: string, bytes: Buffer): PrivateKey {
  const text = bytes.toString('latin1').replace(/\r?\n$/, '');
  const raw =
    bytes.length === 32 ? ' (32 raw bytes, as Cilium has them: base64 FILE makes text)' : '';
  if (text.length !== KEY_TEXT_LENGTH) {
    const expected = `expected ${KEY_TEXT_LENGTH} characters of base64 and a line end`;
    throw new KeyFileError(
      `${path}: ${expected}, got ${bytes.length} bytes${raw}. ${NOT_REPLACED}`,
    );
  }
  try {
    return parsePrivateKey(text);
  } catch {
    throw new KeyFileError(`${path}: is no private key in base64. ${NOT_REPLACED}`);
  }
}

function fileError(path: string, what: string, error: unknown): KeyFileError {
  if (error instanceof KeyFileError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new KeyFileError(
    `${path}: ${what}: ${code === 'ELOOP' ? 'is a symbolic link' : (code ?? message)}`,
  );
}

const KEY_SUFFIX = /^(?:0|[1-9]\d{0,14})\.key$/;
const KEY_TEXT_LENGTH = 44;
const MOST_BYTES = 256;
const NOT_REPLACED =
  'It is left as it is, since the other nodes know this node by it; to have a new key made, remove it';
