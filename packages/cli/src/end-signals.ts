/**
 * `EndSignals`: the signals that ask a process to end, as one `AbortSignal`.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/**
 * SIGINT, SIGTERM and SIGHUP, from now until `release`. While it listens, none of them ends the
 * process by itself: a second Ctrl-C does not cut a take-down short.
 */
export class EndSignals {
  readonly #controller: AbortController = new AbortController();
  readonly #listened: readonly NodeJS.Signals[];
  readonly #hear = (name: NodeJS.Signals): void => {
    this.#received ??= name;
    this.#controller.abort();
  };
  #received: NodeJS.Signals | undefined = undefined;

  constructor() {
    this.#listened = END_SIGNALS.filter((name) => !isIgnored(name));
    for (const name of this.#listened) process.on(name, this.#hear);
  }

  /** Aborted by the first of them. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The first of them; undefined before. */
  get received(): NodeJS.Signals | undefined {
    return this.#received;
  }

  release(): void {
    for (const name of this.#listened) process.off(name, this.#hear);
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
 * Whether whoever started this process set the signal to be ignored, as nohup does. Listening would
 * undo that.
 *
 * @param status text of /proc/self/status
 */
export function isIgnored(name: NodeJS.Signals, status: string = readStatus()): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[name] - 1)) & 1n) === 1n;
}

/** Empty on other systems than Linux. */
function readStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return '';
  }
}

const END_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
