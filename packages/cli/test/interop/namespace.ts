/**
 * A network namespace of a test, with every process that the test started in it.
 *
 * @module
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

const execute = promisify(execFile);
let made = 0;

export class Namespace {
  readonly name: string;
  readonly #started: ChildProcess[] = [];

  private constructor(name: string) {
    this.name = name;
  }

  static async create(label: string): Promise<Namespace> {
    const namespace = new Namespace(`litz-${process.pid}-${label}-${++made}`);
    await execute('ip', ['netns', 'add', namespace.name]);
    await namespace.run('ip', 'link', 'set', 'lo', 'up');
    return namespace;
  }

  /** Joins two namespaces by a veth pair, `veth0` in both, with one IPv4 and one IPv6 address each. */
  static async join(a: Namespace, b: Namespace): Promise<void> {
    // prettier-ignore
    await execute('ip', [
      'link', 'add', 'veth0', 'netns', a.name, 'type', 'veth', 'peer', 'name', 'veth0', 'netns', b.name,
    ]);
    await a.addAddresses('veth0', `${UNDERLAY.v4}1/24`, `${UNDERLAY.v6}1/64`);
    await b.addAddresses('veth0', `${UNDERLAY.v4}2/24`, `${UNDERLAY.v6}2/64`);
  }

  async addAddresses(link: string, ...addresses: string[]): Promise<void> {
    for (const address of addresses) {
      const noDad = address.includes(':') ? ['nodad'] : [];
      await this.run('ip', 'address', 'add', address, 'dev', link, ...noDad);
    }
    await this.run('ip', 'link', 'set', link, 'up');
  }

  /** Runs a command to its end. @returns its standard output; @throws with its output if it fails */
  async run(command: string, ...args: string[]): Promise<string> {
    const child = execute('ip', ['netns', 'exec', this.name, command, ...args], {
      timeout: 60_000,
      maxBuffer: 64 << 20,
    });
    try {
      return (await child).stdout;
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string };
      throw new Error(
        `${command} ${args.join(' ')}: ${stdout ?? ''}${stderr ?? ''}${String(error)}`,
        {
          cause: error,
        },
      );
    }
  }

  /** Like {@link run}, with text on standard input. */
  async runWithInput(input: string, command: string, ...args: string[]): Promise<string> {
    const child = this.start(command, args);
    child.process.stdin!.end(input);
    const [code] = (await once(child.process, 'close')) as [number];
    if (code !== 0)
      throw new Error(`${command} ${args.join(' ')}: exit ${code}\n${child.output()}`);
    return child.output();
  }

  /** Starts a command that runs until it ends by itself or the namespace is removed. */
  start(
    command: string,
    args: string[],
    env: Record<string, string> = {},
  ): { process: ChildProcess; output: () => string } {
    const child = spawn('ip', ['netns', 'exec', this.name, command, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', () => {});
    this.#started.push(child);
    return { process: child, output: () => output };
  }

  /** Ends what still runs in the namespace (all of it was started by the test) and deletes it. */
  async remove(): Promise<void> {
    const { stdout } = await execute('ip', ['netns', 'pids', this.name]);
    for (const pid of stdout.split('\n').filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It ended by itself meanwhile.
      }
    }
    for (const child of this.#started) child.kill('SIGKILL');
    await execute('ip', ['netns', 'del', this.name]);
  }
}

/** What stands in front of the last digit of a node's outer address. */
export const UNDERLAY = { v4: '192.168.77.', v6: 'fd77::' } as const;

/** Asks until the answer is yes. @throws after `timeoutMs` with `what` and the last answer's detail */
export async function eventually(
  what: string,
  ask: () => Promise<boolean> | boolean,
  timeoutMs = 15_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < end) {
    try {
      if (await ask()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(
    `not within ${timeoutMs} ms: ${what}${last ? ` (${last instanceof Error ? last.message : 'no'})` : ''}`,
  );
}
