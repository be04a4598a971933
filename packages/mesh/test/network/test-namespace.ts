/**
 * `TestNamespace`: a network namespace and a mount namespace, which a sleeping process keeps alive.
 * `run` and `start` run programs in both namespaces.
 *
 * @module
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { NetworkNamespace } from '@litz/sys';

export class TestNamespace {
  readonly folder: string;
  readonly #holder: ChildProcess;
  readonly #children: Set<ChildProcess> = new Set();

  /**
   * @param folder an existing folder
   * @param own paths at which programs in this namespace see folders inside of `folder`
   */
  static async create(folder: string, own: readonly string[] = []): Promise<TestNamespace> {
    for (const path of own) mkdirSync(join(folder, path), { recursive: true });
    const mounts = own.map(
      (path) => `mkdir -p ${path} && mount --bind ${join(folder, path)} ${path}`,
    );
    const script = [...mounts, 'ip link set lo up', 'echo ready', 'exec sleep 600'].join(' && ');
    const words = ['--net', '--mount', '--propagation', 'private', 'sh', '-c', script];
    const holder = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [first] = await Promise.race([
      once(holder.stdout, 'data') as Promise<[Buffer]>,
      once(holder, 'exit').then((): [Buffer] => [Buffer.from('it ended')]),
    ]);
    if (!String(first).includes('ready')) throw new Error(`no namespace: ${String(first)}`);
    return new TestNamespace(folder, holder);
  }

  private constructor(folder: string, holder: ChildProcess) {
    this.folder = folder;
    this.#holder = holder;
  }

  get pid(): number {
    return this.#holder.pid ?? -1;
  }

  /** Opens the network namespace. The caller must close it. */
  openNamespace(): NetworkNamespace {
    return NetworkNamespace.open(`/proc/${this.pid}/ns/net`);
  }

  /** @throws {Error} the program failed; the message has its output */
  run(program: string, ...words: string[]): string {
    return this.#execute([program, ...words]);
  }

  /** Runs `nft` or `sh` with a text as its standard input. */
  input(program: 'nft' | 'sh', text: string): string {
    return this.#execute(program === 'nft' ? ['nft', '-f', '/dev/stdin'] : ['sh', '-e'], text);
  }

  /** Runs `ip`. The words of the text are its arguments. */
  ip(text: string): string {
    return this.run('ip', ...text.split(' '));
  }

  /** Returns whether a program ended with status 0. */
  tries(program: string, ...words: string[]): boolean {
    try {
      this.run(program, ...words);
      return true;
    } catch {
      return false;
    }
  }

  /** Starts a program. If it still runs when the namespace is closed, it is killed. */
  start(program: string, ...words: string[]): ChildProcess {
    const child = spawn('nsenter', [...this.#entry(), program, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LOG_LEVEL: undefined },
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  async close(): Promise<void> {
    const all = [...this.#children, this.#holder];
    const ended = all
      .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
      .map((child) => {
        const end = once(child, 'exit');
        child.kill('SIGKILL');
        return end;
      });
    await Promise.all(ended);
  }

  #entry(): string[] {
    return ['--net', '--mount', '-t', String(this.pid), '--'];
  }

  #execute(words: readonly string[], input = ''): string {
    try {
      return execFileSync('nsenter', [...this.#entry(), ...words], {
        encoding: 'utf8',
        input,
        stdio: ['pipe', 'pipe', 'pipe'],
        timeout: LONGEST_MS,
      });
    } catch (error) {
      const { stderr, stdout } = error as { stderr?: string; stdout?: string };
      throw new Error(`${words.join(' ')}: ${stderr ?? ''}${stdout ?? ''}`, { cause: error });
    }
  }
}

const LONGEST_MS = 30_000;
