/**
 * `Nft`: runs the program `nft` to load, remove and list the mesh's table in the kernel.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MESH_TABLE } from './mesh-ruleset.ts';

export interface NftOptions {
  /** Name or path of the program; default: `nft`, from the PATH. */
  readonly program?: string;
  /** The program is killed after this many milliseconds; default: 10,000. */
  readonly longestMs?: number;
  /**
   * Calls its argument, which starts the program, in a network namespace. Default: in the present
   * namespace.
   */
  readonly inNamespace?: <T>(run: () => T) => T;
}

export class Nft {
  readonly #program: string;
  readonly #longestMs: number;
  readonly #inNamespace: <T>(run: () => T) => T;

  constructor(options: NftOptions = {}) {
    this.#program = options.program ?? 'nft';
    this.#longestMs = options.longestMs ?? LONGEST_MS;
    this.#inNamespace = options.inNamespace ?? ((run) => run());
  }

  /** Returns the version, such as `nftables v1.0.6 (...)`; undefined if the program is missing. */
  async version(): Promise<string | undefined> {
    try {
      return (await this.#run(['--version'])).trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /**
   * Loads the ruleset in one transaction.
   *
   * @throws {Error} `nft` refused it; the message has the output of `nft`
   */
  async load(ruleset: string): Promise<void> {
    // The standard input of a child of Node.js is a socket, and `nft` can't open a socket as
    // /dev/stdin. So `nft` reads the ruleset from a file.
    const folder = await mkdtemp(join(tmpdir(), 'litz-nft-'));
    try {
      const file = join(folder, 'ruleset.nft');
      await writeFile(file, ruleset, { mode: 0o600 });
      await this.#run(['-f', file]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Removes the mesh's table, if there is one. */
  async remove(): Promise<void> {
    await this.load(`table ${MESH_TABLE}\ndelete table ${MESH_TABLE}\n`);
  }

  /**
   * Returns the mesh's table as `nft` lists it, without the values of counters; undefined if there
   * is none.
   */
  async list(): Promise<string | undefined> {
    try {
      return await this.#run(['-s', 'list', 'table', ...MESH_TABLE.split(' ')]);
    } catch (error) {
      if (/No such file or directory/.test(String(error))) return undefined;
      throw error;
    }
  }

  #run(words: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, output: string, complaint: string): void => {
        clearTimeout(timer);
        if (!error) resolve(output);
        else if (complaint.trim() === '') reject(error);
        else reject(new Error(`nft: ${complaint.trim()}`));
      };
      const child = this.#inNamespace(() =>
        execFile(this.#program, words, { env: ENVIRONMENT }, done),
      );
      // The option `timeout` of `execFile` is not enough: after the kill, `execFile` still waits
      // until every process that has inherited the output has ended.
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        child.stdout?.destroy();
        child.stderr?.destroy();
        const what = [this.#program, ...words].join(' ');
        reject(new Error(`${what}: did not end within ${this.#longestMs} ms`));
      }, this.#longestMs);
    });
  }
}

const LONGEST_MS = 10_000;
/** `LC_ALL=C` makes `nft` write English messages, because `list` recognizes one of them. */
const ENVIRONMENT = { ...process.env, LC_ALL: 'C' };
