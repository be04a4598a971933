/**
 * `SavedChoices`: what was switched while the agent ran, so that its next start goes on with that.
 *
 * A switch holds until the agent is started with other flags than the ones that it was started with
 * when it was switched. That an `enforce` was in force is kept too: a node that comes up again then
 * enforces at once, and doesn't wait for its peers in the open.
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
  /** The flags of that start. */
  readonly started: Choices;
  readonly chosen: Choices;
  /** `litz agent down` took the node out. */
  readonly isDown: boolean;
}

/** The file with the choices can't be used. */
export class SavedChoicesError extends Error {
  override readonly name = 'SavedChoicesError';
}

export class SavedChoices {
  readonly #path: string;
  readonly #started: Choices;
  #saved: Saved | undefined;

  /**
   * @param started the flags
   * @throws {SavedChoicesError} the file can't be read, or is none
   */
  constructor(folder: string, interfaceName: string, started: Choices) {
    this.#path = join(folder, `${interfaceName}.choices.json`);
    this.#started = started;
    this.#saved = readSaved(this.#path);
  }

  /** What holds now. */
  get current(): Choices {
    const saved = this.#saved;
    return saved && isSame(saved.started, this.#started) ? saved.chosen : this.#started;
  }

  /** The last run enforced, whatever the flags say. */
  get hasEnforced(): boolean {
    return this.#saved?.chosen.enforcement === 'enforce' && !this.isDown;
  }

  get isDown(): boolean {
    return this.#saved?.isDown === true;
  }

  /**
   * It is on the disk when this returns.
   *
   * @throws {SavedChoicesError} it can't be written; what was there before is still there
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
    `${path}: is not what an agent has written; remove it to go on with what the flags say`,
  );
}

/** Nothing is waited for, and no more is read than an agent writes. */
function readText(path: string): string | undefined {
  let fd = -1;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) throw new SavedChoicesError(`${path}: is no ordinary file`);
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
    // Half of it would keep the next agent from starting.
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

/** Many times what an agent writes. */
const MOST_BYTES = 4096;
