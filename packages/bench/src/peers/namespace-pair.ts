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
import { missingProgram } from './command.ts';
import { ip, Namespaces } from './namespaces.ts';

export type Side = 'a' | 'b';

export class NamespacePair {
  readonly a: string;
  readonly b: string;
  readonly #namespaces: Namespaces;

  /** @throws {Error} (rejects) namespaces are not permitted, or there is no `ip` */
  static create(): Promise<NamespacePair> {
    return Namespaces.build('bench', async (namespaces) => {
      const [a, b] = [await namespaces.add('a'), await namespaces.add('b')];
      await ip('link', 'add', 'va', 'netns', a, 'type', 'veth', 'peer', 'name', 'vb', 'netns', b);
      for (const [name, link, address] of [
        [a, 'va', OUTER.a],
        [b, 'vb', OUTER.b],
      ] as const) {
        await ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', link);
        await ip('-n', name, 'link', 'set', link, 'up');
      }
      return new NamespacePair(namespaces, a, b);
    });
  }

  private constructor(namespaces: Namespaces, a: string, b: string) {
    this.#namespaces = namespaces;
    this.a = a;
    this.b = b;
  }

  /** Deletes the namespaces. See `Namespaces.close`. */
  close(): void {
    this.#namespaces.close();
  }
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

/** The addresses of the veth pair. */
export const OUTER: Readonly<Record<Side, string>> = { a: '192.168.77.1', b: '192.168.77.2' };
