/**
 * `SavedChoices`: stores the mode and the enforcement that were changed while the agent ran, so
 * that its next start uses them.
 *
 * A stored choice is used as long as the agent is started with the same flags as when the choice
 * was made. The file also keeps whether `enforce` was in effect. After a reboot, the node then
 * enforces at once and does not wait for its peers while it sends packets in the clear.
 *
 * @module
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { syncFolder } from '../keys/sync-folder.ts';
import { ENCRYPT_MODES, ENFORCEMENTS, type Choices } from './agent-settings.ts';

interface Saved {
  readonly version: 1;
  /** The choices that the flags gave when the agent started. */
  readonly started: Choices;
  readonly chosen: Choices;
  /** True: `litz agent down` removed the node from the mesh. */
  readonly isDown: boolean;
}

/** The file with the choices cannot be read or written. */
export class SavedChoicesError extends Error {
  override readonly name = 'SavedChoicesError';
}

export class SavedChoices {
  readonly #path: string;
  readonly #started: Choices;
  #saved: Saved | undefined;

  /**
   * @param started the choices that the flags give
   * @throws {SavedChoicesError} the file cannot be read or has other content
   */
  constructor(folder: string, interfaceName: string, started: Choices) {
    this.#path = join(folder, `${interfaceName}.choices.json`);
    this.#started = started;
    this.#saved = readSaved(this.#path);
  }

  /** The choices that are in effect now. */
  get current(): Choices {
    const saved = this.#saved;
    return saved && isSame(saved.started, this.#started) ? saved.chosen : this.#started;
  }

  /** True if the previous agent enforced, even if the flags now say something else. */
  get hasEnforced(): boolean {
    return this.#saved?.chosen.enforcement === 'enforce' && !this.isDown;
  }

  get isDown(): boolean {
    return this.#saved?.isDown === true;
  }

  /**
   * Stores the choices. They are on the disk when this returns.
   *
   * @throws {SavedChoicesError} the file cannot be written; its previous content is kept
   */
  save(chosen: Choices, options: { readonly isDown?: boolean } = {}): void {
    const { isDown = false } = options;
    const before = this.#saved;
    const saved: Saved = { version: 1, started: this.#started, chosen, isDown };
    if (before && JSON.stringify(before) === JSON.stringify(saved)) return;
    writeDurably(this.#path, `${JSON.stringify(saved)}\n`);
    this.#saved = saved;
  }
}

function readSaved(path: string): Saved | undefined {
  const text = readText(path);
  if (text === undefined) return undefined;
  const saved = parsed(text);
  if (saved) return saved;
  throw new SavedChoicesError(
    `${path}: was not written by an agent; remove the file to use the flags`,
  );
}

/**
 * Returns the text of the file, at most `MOST_BYTES` bytes; undefined if there is no file. Never
 * blocks on a pipe.
 */
function readText(path: string): string | undefined {
  let fd = -1;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) throw new SavedChoicesError(`${path}: is not a regular file`);
    const buffer = Buffer.alloc(MOST_BYTES);
    return buffer.toString('utf8', 0, readSync(fd, buffer));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw choicesError(path, 'cannot be read', error);
  } finally {
    if (fd !== -1) closeSync(fd);
  }
}

function parsed(text: string): Saved | undefined {
  try {
    const { version, started, chosen, isDown } = JSON.parse(text) as Saved;
    if (version !== 1 || !isChoices(started) || !isChoices(chosen)) return undefined;
    return { version, started, chosen, isDown: isDown };
  } catch {
    return undefined;
  }
}

function isChoices(value: Choices): boolean {
  return ENCRYPT_MODES.includes(value.mode) && ENFORCEMENTS.includes(value.enforcement);
}

function isSame(a: Choices, b: Choices): boolean {
  return a.mode === b.mode && a.enforcement === b.enforcement;
}

function writeDurably(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.new`;
  try {
    rmSync(temporary, { force: true });
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeWhole(temporary, text);
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw choicesError(path, 'cannot be written', error);
  }
}

function writeWhole(path: string, text: string): void {
  const bytes = Buffer.from(text);
  const fd = openSync(path, 'wx', 0o600);
  try {
    // A file with half of the text would prevent the next agent from starting.
    if (writeSync(fd, bytes) !== bytes.length) throw new Error('ENOSPC: not all was written');
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function choicesError(path: string, what: string, error: unknown): SavedChoicesError {
  if (error instanceof SavedChoicesError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new SavedChoicesError(`${path}: ${what}: ${code ?? message}`, { cause: error });
}

/** In bytes. Much larger than any file that an agent writes. */
const MOST_BYTES = 4096;
