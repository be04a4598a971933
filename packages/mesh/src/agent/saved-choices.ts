/**
 * `SavedChoices`: stores the mode and the enforcement that were changed while the agent ran, so
 * that the agent uses them after a restart.
 *
 * The file also has the values of the flags for mode and enforcement. If a later agent is started
 * with other values, it uses its flags and ignores the stored choice.
 *
 * If `enforce` was in effect, the next agent that is asked to enforce does so at once. If it waited
 * for its peers after a reboot, the node would send packets in plaintext until they have answered.
 *
 * @module
 */

import { join } from 'node:path';
import { explainFileError } from '../file-error.ts';
import { readStateFile, replaceStateFile, StateFileTypeError } from '../keys/state-file.ts';
import { ENCRYPT_MODES, ENFORCEMENTS, type Choices } from './agent-settings.ts';

interface Saved {
  readonly version: 1;
  /** The choices that the flags gave when the agent started. */
  readonly started: Choices;
  readonly chosen: Choices;
  /** True: `litz agent down` removed the node from the mesh. */
  readonly isDown: boolean;
  /** True: `enforce` is chosen, but was not in effect yet, because peers had not answered. */
  readonly isWaiting?: boolean | undefined;
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
   * @throws {SavedChoicesError} the file cannot be read or has content that no agent wrote
   */
  constructor(folder: string, interfaceName: string, started: Choices) {
    this.#path = join(folder, `${interfaceName}.choices.json`);
    this.#started = started;
    this.#saved = readSaved(this.#path);
  }

  /**
   * The requested choices. These are the saved choices if the flags are the same as when they were
   * saved, else the choices that the flags give.
   */
  get current(): Choices {
    const saved = this.#saved;
    return saved && isSame(saved.started, this.#started) ? saved.chosen : this.#started;
  }

  /** True if the previous agent enforced, even if the flags now say something else. */
  get hasEnforced(): boolean {
    const saved = this.#saved;
    if (saved === undefined || saved.isDown || saved.isWaiting === true) return false;
    return saved.chosen.enforcement === 'enforce';
  }

  get isDown(): boolean {
    return this.#saved?.isDown === true;
  }

  /**
   * Stores the choices. They are on the disk when this returns.
   *
   * @param options.isWaiting whether `enforce` is chosen and not in effect yet
   * @throws {SavedChoicesError} the file cannot be written; its previous content is kept
   */
  save(
    chosen: Choices,
    options: { readonly isDown?: boolean; readonly isWaiting?: boolean } = {},
  ): void {
    const { isDown = false, isWaiting = false } = options;
    const before = this.#saved;
    const saved: Saved = {
      version: 1,
      started: this.#started,
      chosen,
      isDown,
      ...(isWaiting && { isWaiting }),
    };
    if (before && JSON.stringify(before) === JSON.stringify(saved)) {
      this.#saved = saved;
      return;
    }
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

/** Returns undefined if there is no file. */
function readText(path: string): string | undefined {
  try {
    return readStateFile(path, MOST_BYTES);
  } catch (error) {
    if (error instanceof StateFileTypeError)
      throw new SavedChoicesError(`${path}: ${error.message}`);
    throw choicesError(path, 'cannot be read', error);
  }
}

function parsed(text: string): Saved | undefined {
  try {
    const { version, started, chosen, isDown, isWaiting } = JSON.parse(text) as Saved;
    if (version !== 1 || !isChoices(started) || !isChoices(chosen)) return undefined;
    return { version, started, chosen, isDown, ...(isWaiting === true && { isWaiting }) };
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
  try {
    replaceStateFile(path, Buffer.from(text));
  } catch (error) {
    throw choicesError(path, 'cannot be written', error);
  }
}

function choicesError(path: string, what: string, error: unknown): SavedChoicesError {
  return new SavedChoicesError(`${path}: ${what}: ${explainFileError(error)}`, { cause: error });
}

/** In bytes. Much larger than any file that an agent writes. */
const MOST_BYTES = 4096;
