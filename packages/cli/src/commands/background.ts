/**
 * `startInBackground`: the daemon as a process of its own, and back to the shell when it is ready.
 *
 * The child is the same program in the foreground, in a session of its own, with an IPC channel on
 * which it says once that interface and UAPI socket are there, or why not. Then both let go of it.
 * A shell script can therefore use the interface in its next line.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { EndSignals } from '../end-signals.ts';
import { Failure } from '../failure.ts';
import { logLevel } from '../log.ts';

/** What the child says, once. */
export type Readiness = { readonly ready: true } | { readonly failure: string };

export interface BackgroundOptions {
  /** Path of the program's first module. */
  readonly entry: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Resolves when the daemon is ready and runs on by itself.
 *
 * @throws {Failure} it could not start; the message is the child's own
 */
export async function startInBackground(name: string, options: BackgroundOptions): Promise<void> {
  // As wireguard-go: without LOG_LEVEL it keeps no hold of the terminal at all.
  const { LOG_LEVEL: level } = options.env;
  const keepsTerminal = Boolean(level) && logLevel(level) !== 'silent';
  const output = keepsTerminal ? 'inherit' : 'ignore';
  const child = spawn(process.execPath, [...process.execArgv, options.entry, '-f', name], {
    detached: true,
    cwd: '/',
    env: { ...options.env, WG_PROCESS_FOREGROUND: '1' },
    // What it says at last if it dies. Later nobody reads it, and writing to it fails.
    stdio: ['ignore', output, keepsTerminal ? 'inherit' : 'pipe', 'ipc'],
  });
  // Until it is ready it is part of this command: Ctrl-C here ends it there.
  const signals = new EndSignals();
  signals.signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  const readiness = await firstWord(child).finally(() => signals.release());
  if ('failure' in readiness) throw new Failure(readiness.failure);
  if (child.connected) child.disconnect();
  child.stderr?.destroy();
  child.unref();
}

/** In the child: tells the parent, if there is one, and lets go of it. */
export function reportReadiness(readiness: Readiness): void {
  if (!process.send) return;
  process.send(readiness, undefined, undefined, () => {
    if (process.connected) process.disconnect();
  });
}

/** What it says; a child that is gone has said all it had to when its channels are closed as well. */
async function firstWord(child: ChildProcess): Promise<Readiness> {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = `${text}${chunk}`.slice(-LONGEST_TEXT);
  });
  return new Promise((resolve) => {
    child.once('message', (message) => resolve(message as Readiness));
    child.once('error', (error) => resolve({ failure: `cannot start: ${error.message}` }));
    child.once('close', (code, signal) => {
      const how = signal ?? `exit code ${code}`;
      const last = lastWords(text);
      const words = last === '' ? '' : `: ${last}`;
      resolve({ failure: `the daemon ended (${how}) before it was ready${words}` });
    });
  });
}

/**
 * The last line that means something to a person: V8 writes one of them, in a frame or with a stack
 * behind.
 */
function lastWords(text: string): string {
  const lines = text.split('\n').map((line) => line.replace(/^#/, '').trim());
  return lines.findLast((line) => line !== '' && !MACHINE_LINE.test(line)) ?? '';
}

/** Frames of a stack, of V8 and of JavaScript, and what stands around them. */
const MACHINE_LINE = /^(\d+: 0x|at |-----|<---|Node\.js v|\^+$|\[\d+:0x|FailureMessage Object)/;
const LONGEST_TEXT = 65_536;
