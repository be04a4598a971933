/**
 * `replaceProcess`: executes a program in the place of this process.
 *
 * @module
 */
import { checkDescriptor, checkString } from './arguments.ts';
import { libc } from './libc.ts';
import { allocate, type Region } from './memory.ts';
import { SystemError } from './system-error.ts';

export interface ReplaceOptions {
  /** The environment of the program. Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Descriptors that stay open, besides 0, 1 and 2. */
  readonly descriptors?: readonly number[];
}

/**
 * Executes a program with the ID of this process, with the rights of the calling thread, and with
 * the descriptors 0, 1, 2 and `descriptors`. All other threads end. Nothing is flushed, and no
 * handler of `exit` runs.
 *
 * @param program the path of the program
 * @param args its arguments; the first one is its own name
 * @throws {SystemError} the program cannot be executed, and this process continues
 */
export function replaceProcess(
  program: string,
  args: readonly string[],
  { env = process.env, descriptors = [] }: ReplaceOptions = {},
): never {
  checkString('program', program);
  for (const text of args) checkArgument(text);
  for (const fd of descriptors) checkDescriptor('descriptors', fd);
  const variables = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  // Node.js opens all descriptors with O_CLOEXEC. Without this change, `execve` would close them.
  for (const fd of [0, 1, 2, ...descriptors]) libc().fcntl(fd, F_SETFD, 0);
  const [argv, environment] = [new TextArray(args), new TextArray(variables)];
  libc().execve(program, argv.address, environment.address);
  throw new SystemError('execve', libc().errno(), `cannot execute ${program}`);
}

/** Checks an argument, which may be empty. */
function checkArgument(text: unknown): void {
  if (text !== '') checkString('args', text, LONGEST_ARGUMENT);
}

/** An array of C strings with a null pointer behind the last one. */
class TextArray {
  readonly #pointers: Region;
  /** Keeps the memory of the strings. */
  readonly #texts: Region;

  constructor(texts: readonly string[]) {
    const bytes = texts.map((text) => Buffer.from(`${text}\0`, 'utf8'));
    this.#texts = allocate(bytes.reduce((sum, { length }) => sum + length, 0));
    this.#pointers = allocate((texts.length + 1) * 8);
    let offset = 0;
    for (const [index, text] of bytes.entries()) {
      this.#texts.bytes.set(text, offset);
      const address = BigInt(this.#texts.address + offset);
      this.#pointers.view.setBigUint64(index * 8, address, true);
      offset += text.length;
    }
  }

  get address(): number {
    return this.#pointers.address;
  }
}

/** fcntl.h */
const F_SETFD = 2;
/** linux/binfmts.h: MAX_ARG_STRLEN, without the final zero. */
const LONGEST_ARGUMENT = 131_071;
