/**
 * `Nft`: the program `nft`, and the mesh's table as it is in the kernel.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MESH_TABLE } from './mesh-ruleset.ts';

export interface NftOptions {
  /** Default: `nft`, from the PATH. */
  readonly program?: string;
  /** The program is ended when it takes longer; default: 10,000. */
  readonly longestMs?: number;
  /** Starts the program: in the network namespace that is meant. Default: right here. */
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

  /** `nftables v1.0.6 (...)`; undefined: the program isn't there. */
  async version(): Promise<string | undefined> {
    try {
      return (await this.#run(['--version'])).trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /**
   * Loads all of it in one transaction.
   *
   * @throws {Error} `nft` refused it; the message is what it said
   */
  async load(ruleset: string): Promise<void> {
    // Node gives a child a socket as its standard input, which nft can't open as /dev/stdin.
    const folder = await mkdtemp(join(tmpdir(), 'litz-nft-'));
    try {
      const file = join(folder, 'ruleset.nft');
      await writeFile(file, ruleset, { mode: 0o600 });
      await this.#run(['-f', file]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Takes the table away; there may be none. */
  async remove(): Promise<void> {
    await this.load(`table ${MESH_TABLE}\ndelete table ${MESH_TABLE}\n`);
  }

  /** The table as the kernel has it, without what its counters say; undefined: there is none. */
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
      // Not the timeout of `execFile`: that waits for whoever else has the program's output open.
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        child.stdout?.destroy();
        child.stderr?.destroy();
        const what = [this.#program, ...words].join(' ');
        reject(new Error(`${what}: no answer for ${this.#longestMs} ms`));
      }, this.#longestMs);
    });
  }
}

const LONGEST_MS = 10_000;
/** Its messages in English: one of them is understood. */
const ENVIRONMENT = { ...process.env, LC_ALL: 'C' };
