/**
 * `Namespace`: a network namespace of a test, with every process that the test started in it.
 * `twoNamespaces`: two namespaces, connected by a veth pair.
 *
 * @module
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  addAddresses,
  eventually,
  outerAddresses,
  type Machine,
  type Underlay,
} from './underlay.ts';

export interface StartedProcess {
  readonly process: ChildProcess;
  /** The standard output and the standard error, in the order in which they came. */
  readonly output: () => string;
  /** Ends the process. Resolves when it has ended. */
  readonly end: () => Promise<void>;
}

export class Namespace implements Machine {
  readonly name: string;
  readonly wire: string = WIRE;
  readonly #started: Set<StartedProcess> = new Set();

  private constructor(name: string) {
    this.name = name;
  }

  static async create(label: string): Promise<Namespace> {
    const namespace = new Namespace(`litz-${process.pid}-${label}-${++made}`);
    await execute('ip', ['netns', 'add', namespace.name]);
    await namespace.run('ip', 'link', 'set', 'lo', 'up');
    return namespace;
  }

  async run(command: string, ...args: string[]): Promise<string> {
    try {
      const { stdout } = await execute('ip', ['netns', 'exec', this.name, command, ...args], {
        timeout: 60_000,
        maxBuffer: 64 << 20,
      });
      return stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      const text = `${command} ${args.join(' ')}: ${stdout}${stderr}${String(error)}`;
      throw new Error(text, { cause: error });
    }
  }

  async withFile<T>(text: string, use: (path: string) => Promise<T>): Promise<T> {
    const folder = mkdtempSync(join(tmpdir(), 'litz-interop-'));
    try {
      const file = join(folder, 'text');
      writeFileSync(file, `${text}\n`, { mode: 0o600 });
      return await use(file);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  async send(address: string, port: number, bytes: number): Promise<string> {
    const words = ['send', address, `${port}`, `${bytes}`];
    return (await this.run(process.execPath, TRANSFER, ...words)).trim();
  }

  async receive(address: string, port: number): Promise<{ sha256: Promise<string> }> {
    const receiver = this.start(process.execPath, [TRANSFER, 'receive', address, `${port}`]);
    await eventually('the receiver listens', () => receiver.output().includes('listening'));
    const sha256 = once(receiver.process, 'close').then(
      () => SHA256.exec(receiver.output())?.[0] ?? receiver.output(),
    );
    return { sha256 };
  }

  /** Starts a command that runs until it ends by itself or the namespace is removed. */
  start(command: string, args: string[], env: Record<string, string> = {}): StartedProcess {
    const child = spawn('ip', ['netns', 'exec', this.name, command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.on('error', (error) => (output += error.message));
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const end = async (): Promise<void> => {
      child.kill('SIGKILL');
      await closed;
    };
    const started = { process: child, output: () => output, end };
    this.#started.add(started);
    child.once('close', () => this.#started.delete(started));
    return started;
  }

  /** Ends all started processes that still run, but not `except`. */
  async endStarted(except?: StartedProcess): Promise<void> {
    for (const started of this.#started) if (started !== except) await started.end();
  }

  /** Captures the packets on the wire with tcpdump. `lines` returns the output so far. */
  async watch(filter: string): Promise<{ lines: () => string[] }> {
    const args = ['-i', this.wire, '-l', '-n', '-q', '-t', '--immediate-mode', filter];
    const { output } = this.start('tcpdump', args);
    await eventually('tcpdump listens', () => output().includes('listening on'));
    return { lines: () => output().split('\n') };
  }

  /** Kills all processes in the namespace, and deletes it. */
  async remove(): Promise<void> {
    const { stdout } = await execute('ip', ['netns', 'pids', this.name]);
    for (const pid of stdout.split('\n').filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // The process has ended by itself meanwhile.
      }
    }
    await execute('ip', ['netns', 'del', this.name]);
  }
}

/** Makes two namespaces with a link `veth0` in each. */
export async function twoNamespaces(): Promise<Underlay<Namespace, Namespace>> {
  const [a, b] = [await Namespace.create('a'), await Namespace.create('b')];
  const remove = async (): Promise<void> => {
    await a.remove();
    await b.remove();
  };
  try {
    // prettier-ignore
    await execute('ip', [
      'link', 'add', WIRE, 'netns', a.name, 'type', 'veth', 'peer', 'name', WIRE, 'netns', b.name,
    ]);
    await addAddresses(a, WIRE, outerAddresses(1));
    await addAddresses(b, WIRE, outerAddresses(2));
    return { a, b, watch: (filter) => a.watch(filter), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

const execute = promisify(execFile);
const WIRE = 'veth0';
const TRANSFER = `${import.meta.dirname}/transfer.mjs`;
const SHA256 = /[0-9a-f]{64}/;
let made = 0;
