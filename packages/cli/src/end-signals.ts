/**
 * `EndSignals`: combines the signals that ask a process to end into one `AbortSignal`.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/**
 * Listens to SIGINT, SIGTERM and SIGHUP until `release`. While it listens, none of them ends the
 * process by itself. So a second Ctrl-C does not interrupt the cleanup.
 */
export class EndSignals {
  readonly #controller: AbortController = new AbortController();
  readonly #listened: readonly NodeJS.Signals[];
  /**
   * Handles SIGHUP. If it returns false, the signal asks the process to end, as SIGINT and SIGTERM
   * do.
   */
  onHangUp: (() => boolean) | undefined = undefined;
  readonly #receive = (name: NodeJS.Signals): void => {
    if (name === 'SIGHUP' && this.onHangUp?.() === true) return;
    this.#received ??= name;
    this.#controller.abort();
  };
  #received: NodeJS.Signals | undefined = undefined;

  constructor() {
    this.#listened = END_SIGNALS.filter((name) => !isIgnored(name));
    for (const name of this.#listened) process.on(name, this.#receive);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The first signal; undefined before it came. */
  get received(): NodeJS.Signals | undefined {
    return this.#received;
  }

  release(): void {
    for (const name of this.#listened) process.off(name, this.#receive);
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Returns whether the parent process set the signal to be ignored, as nohup does. Listening to the
 * signal would undo that.
 *
 * @param status text of /proc/self/status
 */
export function isIgnored(name: NodeJS.Signals, status: string = readStatus()): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[name] - 1)) & 1n) === 1n;
}

/** Returns an empty text if the system is not Linux. */
function readStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return '';
  }
}

const END_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
