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
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ENCRYPT_MODES, ENFORCEMENTS, type Choices } from './agent-settings.ts';

interface Saved {
  readonly version: 1;
  /** The flags of that start. */
  readonly started: Choices;
  readonly chosen: Choices;
  /** `litz agent down` took the node out. */
  readonly isDown: boolean;
}

export class SavedChoices {
  readonly #path: string;
  readonly #started: Choices;
  #saved: Saved | undefined;

  /**
   * @param started the flags
   * @throws {Error} the file can't be read
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

  /** It is on the disk when this returns. */
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
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const saved = parsed(text);
  if (!saved)
    throw new Error(`${path}: is not what an agent has written; remove it to go on without`);
  return saved;
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
  rmSync(temporary, { force: true });
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}
