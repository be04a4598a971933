/**
 * `Screen`: uses the whole terminal. It draws lines and reports keys. It restores the terminal
 * however the process ends, except by SIGKILL. After SIGKILL, the command `reset` restores the
 * terminal.
 *
 * @module
 */
import { writeSync } from 'node:fs';
import { emitKeypressEvents } from 'node:readline';

export interface ScreenEvents {
  /** @param key the name of a key, such as `up` or `ctrl+c`, or a character */
  onKey(key: string): void;
  /** Called when the size has changed, or the terminal was given back to this process. */
  onRedraw(): void;
  /** Called when the terminal is gone. */
  onLost(): void;
}

export class Screen {
  readonly #input: typeof process.stdin;
  readonly #output: typeof process.stdout;
  readonly #events: ScreenEvents;
  #isOpen = false;
  readonly #leave = (): void => this.#restore();
  readonly #stop = (): void => this.suspend();
  readonly #continue = (): void => {
    this.#enter();
    this.#events.onRedraw();
  };
  readonly #resize = (): void => this.#events.onRedraw();
  readonly #lost = (): void => {
    // Nothing can be restored, and a write would fail again.
    this.#isOpen = false;
    this.#events.onLost();
  };
  readonly #key = (text: string | undefined, key: Key): void =>
    this.#events.onKey(nameOfKey(text, key));

  /** Takes the terminal. If `input` is not a terminal, there are no keys. */
  constructor(input: typeof process.stdin, output: typeof process.stdout, events: ScreenEvents) {
    this.#input = input;
    this.#output = output;
    this.#events = events;
    process.on('exit', this.#leave);
    // This event comes before Node.js prints the error. On the alternate buffer of the terminal,
    // the error would be lost.
    process.on('uncaughtExceptionMonitor', this.#leave);
    process.on('SIGTSTP', this.#stop);
    process.on('SIGCONT', this.#continue);
    output.on('resize', this.#resize);
    output.on('error', this.#lost);
    if (input.isTTY) {
      emitKeypressEvents(input);
      input.on('keypress', this.#key);
      input.on('error', this.#lost);
      input.on('end', this.#lost);
      input.resume();
    }
    this.#enter();
  }

  get width(): number {
    return this.#output.columns || 80;
  }

  get height(): number {
    return this.#output.rows || 24;
  }

  /** Draws the lines. Draws nothing while the terminal has not read what was written before. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen || this.#output.writableNeedDrain) return;
    this.#output.write(
      `${HOME}${lines.map((line) => line + CLEAR_LINE).join('\r\n')}${CLEAR_REST}`,
    );
  }

  /** Gives the terminal to the shell, and stops this process until SIGCONT. */
  suspend(): void {
    this.#restore();
    process.kill(process.pid, 'SIGSTOP');
  }

  close(): void {
    this.#restore();
    process.off('exit', this.#leave);
    process.off('uncaughtExceptionMonitor', this.#leave);
    process.off('SIGTSTP', this.#stop);
    process.off('SIGCONT', this.#continue);
    this.#output.off('resize', this.#resize);
    this.#input.off('keypress', this.#key);
    this.#input.pause();
  }

  #enter(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    if (this.#input.isTTY) this.#input.setRawMode(true);
    this.#output.write(ENTER);
  }

  #restore(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      // `writeSync` is used instead of the stream, because the process may end before the stream
      // has written.
      writeSync(this.#output.fd, LEAVE);
      if (this.#input.isTTY) this.#input.setRawMode(false);
    } catch {
      // The terminal is gone.
    }
  }
}

interface Key {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly sequence?: string;
}

function nameOfKey(text: string | undefined, { name, ctrl, sequence = '' }: Key): string {
  if (ctrl === true) return `ctrl+${name ?? ''}`;
  // A character stands for itself, so that S is not s.
  if (text?.length === 1 && text > ' ' && text < '\x7f') return text;
  return name ?? sequence;
}

/** Switches to the alternate buffer of the terminal, and hides the cursor. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[2J';
const LEAVE = '\x1b[0m\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_REST = '\x1b[J';
