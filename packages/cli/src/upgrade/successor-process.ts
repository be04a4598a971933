/**
 * `SuccessorProcess`: the new process of an upgrade, which the daemon starts.
 *
 * The new process has the same command line as the daemon. So a new version of the program is
 * started if one was installed in the meantime. The new process is in the same cgroup and has the
 * same user and capabilities.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { libc } from '@litz/sys';
import { readFormAgain } from '../log-writer.ts';

export interface SuccessorOptions {
  /** The path of the socket for the hand-over. */
  readonly socket: string;
  /** The environment of the new process. `LITZ_UPGRADE_EXEC` in it names another program. */
  readonly env: NodeJS.ProcessEnv;
}

export class SuccessorProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  /** Resolves when the stderr of the new process was read to the end. */
  readonly #closed: Promise<void>;
  #text = '';
  #failure: string | undefined = undefined;
  #isKilled = false;

  constructor({ socket, env }: SuccessorOptions) {
    const [node = process.execPath, script = '', ...words] = process.argv;
    const other = env['LITZ_UPGRADE_EXEC'];
    const [program, ...args] = other
      ? [other, ...words]
      : [node, ...process.execArgv, script, ...words];
    this.#child = spawn(program, args, {
      // Until the new process has the device, its stderr is read here. After that, it writes to the
      // stderr of this process.
      stdio: ['ignore', 'inherit', 'pipe', isOpen(2) ? 2 : 'ignore'],
      env: { ...env, [HAND_OVER]: socket, WATCHDOG_PID: undefined, WG_PROCESS_FOREGROUND: '1' },
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#text = `${this.#text}${text}`.slice(-LONGEST_TEXT);
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', ({ message }) => {
        this.#failure = `it cannot be started: ${message}`;
        resolve();
      });
      this.#child.once('exit', () => resolve());
    });
    this.#closed = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  /** -1 if the new process could not be started. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** How the new process has ended, and the last line of its stderr; undefined while it runs. */
  get end(): string | undefined {
    if (this.#failure !== undefined) return this.#failure;
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return undefined;
    const how = signalCode ?? `exit code ${exitCode}`;
    const line = this.#text.trim().split('\n').at(-1) ?? '';
    return `it ended (${how})${line === '' ? '' : `: ${line}`}`;
  }

  /** Whether `kill` has ended the new process. */
  get isKilled(): boolean {
    return this.#isKilled;
  }

  /** Kills the new process. Resolves with true when the process is gone. */
  async kill(): Promise<boolean> {
    const isRunning = this.end === undefined;
    const isSent = this.#child.kill('SIGKILL');
    if (isRunning && isSent) this.#isKilled = true;
    await this.#ended;
    // A program that the new process has started may have the same stderr, and keep it open.
    await Promise.race([this.#closed, sleep(LAST_WORDS_MS)]);
    this.#child.stderr?.destroy();
    return true;
  }

  /** Lets the new process go on when this process ends. */
  detach(): void {
    this.#child.stderr?.destroy();
    this.#child.unref();
  }
}

/** Called in the new process when it has the device. Then it uses the stderr of the old process. */
export function inheritStderr(): void {
  if (!isOpen(STDERR_OF_OLD)) return;
  libc().dup2(STDERR_OF_OLD, 2);
  libc().close(STDERR_OF_OLD);
  readFormAgain();
}

function isOpen(fd: number): boolean {
  try {
    // `bigint` avoids a fault of Node.js: after the mode of a pipe or a socket was returned as a
    // number, imports do not follow symbolic links (nodejs/node#51142).
    fstatSync(fd, { bigint: true });
    return true;
  } catch {
    return false;
  }
}

/**
 * The environment variable with the path of the socket for the hand-over. A daemon that has this
 * variable takes a device over.
 */
export const HAND_OVER = 'LITZ_HAND_OVER';
/** In the new process, this descriptor is the stderr of the old process. */
export const STDERR_OF_OLD = 3;
const LONGEST_TEXT = 65_536;
/** The longest time in ms to wait for the last output of the new process. */
const LAST_WORDS_MS = 200;
