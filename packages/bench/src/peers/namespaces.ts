/**
 * `Namespaces`: the network namespaces of one measurement. They are deleted together.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { runCommand } from './command.ts';

export class Namespaces {
  readonly #prefix: string;
  readonly #names: string[] = [];

  /**
   * Makes namespaces with `build`, and deletes them if `build` fails.
   *
   * @param kind a part of the names; the names are unique
   * @throws {Error} (rejects) the error of `build`
   */
  static async build<T>(kind: string, build: (namespaces: Namespaces) => Promise<T>): Promise<T> {
    const namespaces = new Namespaces(kind);
    LIVE.add(namespaces);
    try {
      return await build(namespaces);
    } catch (error) {
      namespaces.close();
      throw error;
    }
  }

  private constructor(kind: string) {
    this.#prefix = `litz-${kind}-${process.pid}-${++created}`;
  }

  /**
   * Makes a namespace with its loopback up. Returns its name.
   *
   * @throws {Error} (rejects) namespaces are not permitted, or there is no `ip`
   */
  async add(suffix: string): Promise<string> {
    const name = `${this.#prefix}-${suffix}`;
    await ip('netns', 'add', name);
    this.#names.push(name);
    await ip('-n', name, 'link', 'set', 'lo', 'up');
    return name;
  }

  /**
   * Deletes the namespaces. The caller must end the programs in them first. `close` never throws.
   * It is synchronous, so that it can be called when the process exits.
   */
  close(): void {
    LIVE.delete(this);
    for (const name of this.#names.splice(0)) {
      spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore', timeout: 10_000 });
    }
  }
}

/** Deletes all namespaces that still exist. */
export function closeNamespaces(): void {
  for (const namespaces of LIVE) namespaces.close();
}

/** Runs `ip`. @throws {Error} (rejects) it failed; the message has its output */
export async function ip(...args: string[]): Promise<void> {
  await runCommand('ip', args);
}

const LIVE = new Set<Namespaces>();
let created = 0;
