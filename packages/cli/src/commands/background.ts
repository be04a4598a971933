/**
 * `startInBackground`: starts a daemon or a tunnel as a separate process, and returns when it is
 * ready.
 *
 * The child is the same program in the foreground, in a process session of its own (setsid(2)). It
 * reports once on an IPC channel: either that the interface can be used, or why the child could not
 * start. Then both sides close the channel. The parent ends only after this report, so a shell
 * script can use the interface in its next line.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { EndSignals } from '../end-signals.ts';
import { Failure } from '../failure.ts';
import { logLevel } from '../log.ts';

/** What the child reports, once. */
export type Readiness = { readonly ready: true } | { readonly failure: string };

export interface BackgroundOptions {
  /** The path of the program's first module. */
  readonly entry: string;
  readonly env: NodeJS.ProcessEnv;
  /** The flag `--persist` of a daemon. Default false. */
  readonly persist?: boolean;
  /** The user of the daemon, for `--user`. Default: the user of this process. */
  readonly user?: string;
  /** The value of `--metrics`. Default: no metrics. */
  readonly metrics?: string;
  /** The flag `--take-over` of a daemon. Default false. */
  readonly takeOver?: boolean;
  /** The value of `--ready-file`. Default: no file. */
  readonly readyFile?: string;
  /** The values of `--resolve`. Default: none. */
  readonly resolve?: readonly string[];
  /** The command line of the child. Default: the command line of a daemon with the flags above. */
  readonly words?: readonly string[];
  /**
   * Called with what the child writes to standard error until the child is ready. Not called if the
   * child writes directly to the terminal.
   */
  readonly onText?: (text: string) => void;
}

/**
 * Resolves when the child is ready. The child then no longer depends on this process.
 *
 * @throws {Failure} the child could not start; the message says why
 */
export async function startInBackground(name: string, options: BackgroundOptions): Promise<void> {
  // Like wireguard-go: without LOG_LEVEL the daemon does not keep the terminal open.
  const { LOG_LEVEL: level } = options.env;
  const keepsTerminal = Boolean(level) && logLevel(level) !== 'silent';
  const output = keepsTerminal ? 'inherit' : 'ignore';
  const flags = [
    ...(options.persist === true ? ['--persist'] : []),
    ...(options.takeOver === true ? ['--take-over'] : []),
    ...(options.readyFile === undefined ? [] : ['--ready-file', resolve(options.readyFile)]),
    ...(options.user === undefined ? [] : ['--user', options.user]),
    ...(options.metrics === undefined ? [] : ['--metrics', options.metrics]),
    ...(options.resolve ?? []).flatMap((name) => ['--resolve', name]),
  ];
  const { words = ['-f', ...flags, name], onText } = options;
  const args = [SMALL_HEAP, ...process.execArgv, options.entry, ...words];
  const child = spawn(process.execPath, args, {
    detached: true,
    cwd: '/',
    // Only a daemon gets these variables. A tunnel would pass them on to its hooks, and a daemon
    // that a hook starts would stay in the foreground.
    env: options.words
      ? options.env
      : { ...options.env, WG_PROCESS_FOREGROUND: '1', [IN_BACKGROUND]: '1' },
    // If the child dies before it is ready, this process reads the child's last output from the
    // pipe. When the daemon is ready, the pipe is closed, and the daemon cannot write to it.
    stdio: ['ignore', output, keepsTerminal ? 'inherit' : 'pipe', 'ipc'],
  });
  // Until the daemon is ready, Ctrl-C in this process also ends the daemon.
  const signals = new EndSignals();
  signals.signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  const readiness = await reportOf(child, onText).finally(() => signals.release());
  if ('failure' in readiness) throw new Failure(readiness.failure);
  if (child.connected) child.disconnect();
  child.stderr?.destroy();
  child.unref();
}

/** Called in the child: reports to the parent, if there is one, and closes the channel. */
export function reportReadiness(readiness: Readiness): void {
  if (!process.send) return;
  process.send(readiness, undefined, undefined, () => {
    if (process.connected) process.disconnect();
  });
}

/**
 * Resolves with the child's report. If the child ended without a report, waits until its streams
 * are closed, because only then all of its output was read.
 */
async function reportOf(
  child: ChildProcess,
  onText: ((text: string) => void) | undefined,
): Promise<Readiness> {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = `${text}${chunk}`.slice(-LONGEST_TEXT);
    onText?.(chunk);
  });
  return new Promise((resolve) => {
    child.once('message', (message) => resolve(message as Readiness));
    child.once('error', (error) => resolve({ failure: `cannot start: ${error.message}` }));
    child.once('close', (code, signal) => {
      const how = signal ?? `exit code ${code}`;
      const last = lastMessage(text);
      const words = last === '' ? '' : `: ${last}`;
      resolve({ failure: `the daemon ended (${how}) before it was ready${words}` });
    });
  });
}

/**
 * Returns the last line that is meant for a person. When V8 ends the process, it writes one such
 * line, with a frame around the line or a stack after it.
 */
function lastMessage(text: string): string {
  const lines = text.split('\n').map((line) => line.replace(/^#/, '').trim());
  return lines.findLast((line) => line !== '' && !MACHINE_LINE.test(line)) ?? '';
}

/**
 * Set in a daemon that was started in the background. Nobody starts such a daemon again when it
 * ends.
 */
export const IN_BACKGROUND = 'LITZ_IN_BACKGROUND';
/** Matches stack frames of V8 and of JavaScript, and the lines around them. */
const MACHINE_LINE = /^(\d+: 0x|at |-----|<---|Node\.js v|\^+$|\[\d+:0x|FailureMessage Object)/;
const LONGEST_TEXT = 65_536;
/**
 * Limits the young generation of the main thread's heap to 3 MiB (three semi-spaces of 1 MiB).
 * By default, the young generation grows to 48 MiB of garbage, most of it while the program is
 * loaded. With the limit, a daemon takes 93 MB instead of 97.
 */
const SMALL_HEAP = '--max-semi-space-size=1';
