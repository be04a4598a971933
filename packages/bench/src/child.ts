/**
 * `runChild`: runs a measurement in a separate Node.js process, with its own heap and its own V8
 * flags.
 *
 * @module
 */
import { spawn } from 'node:child_process';

export interface ChildOptions {
  /** The path of the Node.js binary; default: the binary of this process. */
  node?: string;
  /** Flags for Node.js, in front of the program. */
  flags?: readonly string[];
  /** After this time in ms the process is killed; default: 600,000. */
  timeoutMs?: number;
}

/**
 * Runs a module of this package in a child process. Returns what the module passed to `sendAnswer`.
 *
 * @throws {Error} (rejects) the module failed, took too long or did not answer
 */
export async function runChild<T>(
  module: URL,
  args: readonly (string | number)[] = [],
  options: ChildOptions = {},
): Promise<T> {
  return answerIn(await runProgram(module, args, options), module.pathname) as T;
}

/**
 * Returns the last answer that `sendAnswer` wrote into the output of a program.
 *
 * @throws {Error} there is no answer
 */
export function answerIn(output: string, name: string): unknown {
  const at = output.lastIndexOf(MARK);
  if (at === -1) throw new Error(`${name} did not answer`);
  // An answer is not always at the beginning of a line: V8 may have written a part of a trace
  // (`--trace-gc`) in front of it.
  const [line = ''] = output.slice(at + MARK.length).split('\n', 1);
  return JSON.parse(line);
}

/**
 * Returns the output without the answers. Text that V8 has written in front of an answer, on the
 * same line, is kept.
 */
export function withoutAnswers(output: string): string {
  return output.replaceAll(new RegExp(`${MARK}.*\n`, 'g'), '');
}

/**
 * Runs a module in a child process and returns its stdout. @throws {Error} (rejects) it failed or
 * took too long
 */
export function runProgram(
  module: URL,
  args: readonly (string | number)[] = [],
  { node = process.execPath, flags = [], timeoutMs = 600_000 }: ChildOptions = {},
): Promise<string> {
  const child = spawn(node, [...flags, module.pathname, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${module.pathname} ended with ${signal ?? code}`));
    });
  });
}

/** Called in the child: writes the answer as JSON. */
export function sendAnswer(answer: unknown): void {
  process.stdout.write(`${MARK}${JSON.stringify(answer)}\n`);
}

const MARK = 'litz-bench: ';
