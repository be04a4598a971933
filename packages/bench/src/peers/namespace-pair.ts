/**
 * `NamespacePair`: two network namespaces joined by a veth pair.
 *
 * ```
 *   a: va 192.168.77.1/24 ------- vb 192.168.77.2/24 :b
 * ```
 * All pairs have the same addresses. The names of the namespaces are unique.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { missingProgram, runCommand } from './command.ts';

export type Side = 'a' | 'b';

export class NamespacePair {
  readonly a: string;
  readonly b: string;

  /** @throws {Error} (rejects) namespaces are not permitted, or there is no `ip` */
  static async create(): Promise<NamespacePair> {
    const pair = new NamespacePair(`litz-bench-${process.pid}-${++created}`);
    LIVE.add(pair);
    try {
      await pair.#build();
    } catch (error) {
      pair.close();
      throw error;
    }
    return pair;
  }

  private constructor(prefix: string) {
    this.a = `${prefix}-a`;
    this.b = `${prefix}-b`;
  }

  /**
   * Deletes the namespaces. The caller must end the programs in them first. It never throws. It is
   * synchronous, so that it can be called when the process exits.
   */
  close(): void {
    LIVE.delete(this);
    for (const name of [this.a, this.b]) {
      spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore', timeout: 10_000 });
    }
  }

  async #build(): Promise<void> {
    const { a, b } = this;
    await ip('netns', 'add', a);
    await ip('netns', 'add', b);
    await ip('link', 'add', 'va', 'netns', a, 'type', 'veth', 'peer', 'name', 'vb', 'netns', b);
    for (const [name, link, address] of [
      [a, 'va', OUTER.a],
      [b, 'vb', OUTER.b],
    ] as const) {
      await ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', link);
      await ip('-n', name, 'link', 'set', 'lo', 'up');
      await ip('-n', name, 'link', 'set', link, 'up');
    }
  }
}

/** Deletes all pairs that still exist. */
export function closeNamespacePairs(): void {
  for (const pair of LIVE) pair.close();
}

/**
 * Returns why no namespace can be made on this machine; undefined if it is possible. To find out,
 * it makes a namespace and deletes it.
 */
export function missingNamespaces(): string | undefined {
  const name = `litz-bench-${process.pid}-probe`;
  const options = { encoding: 'utf8', timeout: 10_000 } as const;
  const { error, status, stderr } = spawnSync('ip', ['netns', 'add', name], options);
  if (error) return missingProgram('ip', ['-V']) ?? error.message;
  if (status !== 0) return `no right to make a network namespace: ${stderr.trim()}`;
  spawnSync('ip', ['netns', 'del', name], options);
  return undefined;
}

/** Runs `ip`. @throws {Error} (rejects) it failed; the message has its output */
export async function ip(...args: string[]): Promise<void> {
  await runCommand('ip', args);
}

/** The addresses of the veth pair. */
export const OUTER: Readonly<Record<Side, string>> = { a: '192.168.77.1', b: '192.168.77.2' };

const LIVE = new Set<NamespacePair>();
let created = 0;
