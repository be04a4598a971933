/**
 * Programs that a benchmark runs: bounded in time, ended when the benchmark ends.
 *
 * @module
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';

export interface CommandOptions {
  /** Name of a network namespace to run it in. */
  namespace?: string | undefined;
  env?: Record<string, string>;
  /** It is a Node program of ours with a channel, and hears what it says there. */
  onMessage?: (message: unknown) => void;
}

/** A program that was started. */
export class RunningCommand {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  #output = '';
  #errors = '';

  constructor(file: string, args: readonly string[], options: CommandOptions = {}) {
    const { namespace, env = {}, onMessage } = options;
    // `ip netns exec` becomes the program: its id is the program's.
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
    // Whoever waits for it hears of the failure.
    this.#ended.catch(() => {});
  }

  /** The program's process. @throws {Error} it could not be started */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name}: could not be started`);
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** What it wrote to stdout so far. */
  get output(): string {
    return this.#output;
  }

  /** The last of what it wrote to stderr. */
  get errors(): string {
    return this.#errors;
  }

  /** To a program that was started with `onMessage`. */
  send(message: object): void {
    this.#child.send(message);
  }

  /**
   * Everything it wrote to stdout.
   *
   * @throws {Error} (rejects) it failed, or ran longer and was killed
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

  /** Ends it, by force if it does not end by itself, and waits until it is gone. */
  async end(): Promise<void> {
    if (this.hasEnded) return;
    this.#child.kill('SIGTERM');
    await this.result(PATIENCE_MS).catch(() => {});
  }

  /** By force, and without waiting. */
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

/** What it wrote to stdout. @throws {Error} (rejects) it failed or ran longer than `timeoutMs` */
export function runCommand(
  file: string,
  args: readonly string[],
  { timeoutMs = 10_000, ...options }: CommandOptions & { timeoutMs?: number } = {},
): Promise<string> {
  return new RunningCommand(file, args, options).result(timeoutMs);
}

/** Kills everything that still runs. For the end of the process: waits for nothing. */
export function killRunningCommands(): void {
  for (const command of LIVE) command.kill();
}

/** Why a program cannot be started; undefined if it can. Its exit code does not matter. */
export function missingProgram(file: string, args: readonly string[]): string | undefined {
  const { error } = spawnSync(file, args, { stdio: 'ignore', timeout: 10_000 });
  if (!error) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? `no program ${file} on the PATH` : `${file}: ${error.message}`;
}

/** Resolves when `holds` returns true. @throws {Error} (rejects) not within `timeoutMs` */
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
const KEPT_ERRORS = 4096;
const PATIENCE_MS = 3000;
const POLL_MS = 10;
