/**
 * `Terminal`: whether the terminal of this process was closed. The kernel sends SIGHUP when the
 * terminal is closed. A user sends SIGHUP to ask for a reload. This class tells the two cases
 * apart.
 *
 * @module
 */
import { closeSync, openSync } from 'node:fs';

/** The terminal that controls this process, if there is one. */
export class Terminal {
  readonly #canOpen: () => boolean;
  readonly #had: boolean;

  constructor(canOpen: () => boolean = canOpenTerminal) {
    this.#canOpen = canOpen;
    this.#had = canOpen();
  }

  /** Whether there was a terminal, and it is closed now. */
  get isGone(): boolean {
    return this.#had && !this.#canOpen();
  }
}

/** When a terminal is closed, its processes lose it, and /dev/tty cannot be opened any more. */
function canOpenTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
