/**
 * `runChild`: a measurement in a Node process of its own, so that nothing else is on its heap and flags
 * of V8 are its own.
 *
 * @module
 */
import { spawn } from 'node:child_process';

export interface ChildOptions {
  /** Path of the Node that runs it; default: this one. */
  node?: string;
  /** For Node, before the program. */
  flags?: readonly string[];
  /** It is killed afterwards. */
  timeoutMs?: number;
}

/**
 * Runs a module of this package; `tell` is how it answers.
 *
 * @throws {Error} (rejects) it failed, took too long or told nothing
 */
export async function runChild<T>(
  module: URL,
  args: readonly (string | number)[] = [],
  options: ChildOptions = {},
): Promise<T> {
  return answerIn(await runProgram(module, args, options), module.pathname) as T;
}

/** What `tell` told in the output of a program. @throws {Error} nothing */
export function answerIn(output: string, name: string): unknown {
  const at = output.lastIndexOf(MARK);
  if (at === -1) throw new Error(`${name} told nothing`);
  // V8 writes its traces by itself, and may have begun a line.
  const [line = ''] = output.slice(at + MARK.length).split('\n', 1);
  return JSON.parse(line);
}

/** What else it wrote, also where an answer stands in the middle of a line. */
export function withoutAnswers(output: string): string {
  return output.replaceAll(new RegExp(`${MARK}.*\n`, 'g'), '');
}

/** What it wrote to stdout. @throws {Error} (rejects) it failed or took too long */
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

/** For the child: the answer, JSON. */
export function tell(answer: unknown): void {
  process.stdout.write(`${MARK}${JSON.stringify(answer)}\n`);
}

const MARK = 'litz-bench: ';
