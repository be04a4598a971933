/**
 * Runs the programs of a benchmark: `runCommand` waits for the end of a program, and a
 * `RunningCommand` runs beside the benchmark. `killRunningCommands` kills all programs that still
 * run.
 *
 * @module
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';

export interface CommandOptions {
  /** The name of the network namespace in which the program runs. */
  namespace?: string | undefined;
  env?: Record<string, string>;
  /**
   * Called with each message from the program. This function is only for the Node.js programs of
   * this package: if it is given, an IPC channel to the program is opened.
   */
  onMessage?: (message: unknown) => void;
}

/** A started program. */
export class RunningCommand {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  #output = '';
  #errors = '';

  constructor(file: string, args: readonly string[], options: CommandOptions = {}) {
    const { namespace, env = {}, onMessage } = options;
    // `ip netns exec` replaces itself by the program, so both have the same process id.
    const line = namespace === undefined ? [file, ...args] : [...inside(namespace), file, ...args];
    this.name = [file, ...args].join(' ');
    this.#child = spawn(line[0]!, line.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe', ...(onMessage ? (['ipc'] as const) : [])],
      env: { ...process.env, ...env },
    });
    LIVE.add(this);
    if (onMessage) this.#child.on('message', onMessage);
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = `${this.#errors}${text}`.slice(-KEPT_ERRORS);
    });
    this.#ended = this.#whenEnded();
    // Prevents an unhandled rejection. A caller that waits gets the failure.
    this.#ended.catch(() => {});
  }

  /** The process id of the program. @throws {Error} it could not be started */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name}: could not be started`);
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** @throws {Error} the program has ended; the message has the last part of its stderr */
  checkAlive(): void {
    if (this.hasEnded) throw new Error(`${this.name} has ended: ${this.#errors.trim()}`);
  }

  /** The stdout of the program so far. */
  get output(): string {
    return this.#output;
  }

  /** The last part of the program's stderr. */
  get errors(): string {
    return this.#errors;
  }

  /** Sends a message to a program that was started with `onMessage`. */
  send(message: object): void {
    this.#child.send(message);
  }

  /**
   * Resolves with the whole stdout of the program when the program has ended.
   *
   * @throws {Error} (rejects) it failed, or it ran longer than `timeoutMs` and was killed
   */
  async result(timeoutMs: number): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#child.kill('SIGKILL');
        reject(new Error(`${this.name}: still running after ${timeoutMs} ms`));
      }, timeoutMs);
    });
    try {
      return await Promise.race([this.#ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends SIGTERM and waits for the end of the program. Kills it if it has not ended after 3 s. */
  async end(): Promise<void> {
    if (this.hasEnded) return;
    this.#child.kill('SIGTERM');
    await this.result(TERMINATION_MS).catch(() => {});
  }

  /** Kills the program without waiting. */
  kill(): void {
    if (!this.hasEnded) this.#child.kill('SIGKILL');
  }

  #whenEnded(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#child.on('error', (error) => {
        LIVE.delete(this);
        reject(new Error(`${this.name}: ${error.message}`));
      });
      this.#child.on('close', (code, signal) => {
        LIVE.delete(this);
        if (code === 0) resolve(this.#output);
        else reject(new Error(`${this.name}: ended with ${signal ?? code}: ${this.#tail()}`));
      });
    });
  }

  #tail(): string {
    return (this.#errors || this.#output.slice(-KEPT_ERRORS)).trim();
  }
}

/**
 * Runs a program and returns its stdout.
 *
 * @throws {Error} (rejects) it failed or ran longer than `timeoutMs`
 */
export function runCommand(
  file: string,
  args: readonly string[],
  { timeoutMs = 10_000, ...options }: CommandOptions & { timeoutMs?: number } = {},
): Promise<string> {
  return new RunningCommand(file, args, options).result(timeoutMs);
}

/** Kills all programs that still run, without waiting. For the end of this process. */
export function killRunningCommands(): void {
  for (const command of LIVE) command.kill();
}

/** Returns why a program cannot be started; undefined if it can. Its exit code does not matter. */
export function missingProgram(file: string, args: readonly string[]): string | undefined {
  const { error } = spawnSync(file, args, { stdio: 'ignore', timeout: 10_000 });
  if (!error) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? `no program ${file} on the PATH` : `${file}: ${error.message}`;
}

/**
 * Waits until `holds` returns true.
 *
 * @param what what the caller waits for; the message of the error names it
 * @throws {Error} (rejects) `holds` did not return true within `timeoutMs`
 */
export async function until(
  what: string,
  holds: () => boolean,
  timeoutMs: number = 10_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function inside(namespace: string): string[] {
  return ['ip', 'netns', 'exec', namespace];
}

const LIVE = new Set<RunningCommand>();
/** How many characters of stderr are stored. */
const KEPT_ERRORS = 4096;
/** Time from SIGTERM to SIGKILL, in ms. */
const TERMINATION_MS = 3000;
const POLL_MS = 10;
