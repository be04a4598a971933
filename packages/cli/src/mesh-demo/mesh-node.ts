/**
 * `MeshNode`: a machine of `litz demo mesh`. It is a network namespace with two pods, and it has a
 * daemon (`litz litz0`), an agent (`litz agent`), and a /run of its own.
 *
 * @module
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { sendControlRequest, controlPath, type MeshStatus } from '@litz/mesh';
import { NetworkNamespace, writeSysctl } from '@litz/sys';
import { Failure } from '../failure.ts';
import { Pod } from './pod.ts';
import type { Underlay } from './underlay.ts';

const run = promisify(execFile);

export interface MeshNodeOptions {
  readonly name: string;
  /** The number of the node, 1 to 254. Its pods have the prefix 10.244.NUMBER.0/24. */
  readonly number: number;
  /**
   * The number of the cable of the underlay. A node that replaces another one has its own cable.
   */
  readonly cable: number;
  readonly underlay: Underlay;
  /** The folder of the demo. It contains the registry and a folder for each machine. */
  readonly folder: string;
  /** Path of the `litz` program. */
  readonly program: string;
}

export class MeshNode {
  readonly name: string;
  readonly pods: readonly [Pod, Pod];
  readonly #namespace: NetworkNamespace;
  readonly #options: MeshNodeOptions;
  readonly #address: string;
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];
  /** The last output of the programs, for the message of a failure. */
  #output = '';

  constructor(options: MeshNodeOptions) {
    const { name, number, cable, underlay, folder } = options;
    this.name = name;
    this.#options = options;
    this.#folder = join(folder, `machine-${cable}`);
    mkdirSync(join(this.#folder, 'run/wireguard'), { recursive: true, mode: 0o700 });
    this.#namespace = NetworkNamespace.create();
    this.#namespace.run(() => writeSysctl('net.ipv4.ip_forward', '1'));
    const prefix = Uint8Array.of(10, 244, number, 0);
    this.#address = underlay.connect(this.#namespace, cable, prefix).join('.');
    const pod = (host: number): Pod =>
      new Pod(this.#namespace, `pod${host}`, Uint8Array.of(10, 244, number, host));
    this.pods = [pod(2), pod(3)];
  }

  /** Starts the data plane. It has no configuration until an agent starts. */
  async startDaemon(): Promise<void> {
    const daemon = this.#spawn(['-f', 'litz0']);
    await this.#until(daemon, () => existsSync(join(this.#folder, 'run/wireguard/litz0.sock')));
  }

  /** Starts the agent. Resolves when it answers. */
  async startAgent(): Promise<void> {
    const { name, number, folder } = this.#options;
    const words = [
      ['--registry', `file:${join(folder, 'registry')}`],
      ['--node', name, '--node-ip', this.#address],
      ['--prefixes', `static:10.244.${number}.0/24`, '--cluster-prefix', '10.244.0.0/16'],
      ['--enforcement', 'off', '--state-dir', join(this.#folder, 'state')],
    ];
    const agent = this.#spawn(['agent', ...words.flat()]);
    await this.#until(agent, () =>
      this.status().then(
        () => true,
        () => false,
      ),
    );
  }

  /** Runs `litz agent WORDS` on this machine. Returns its output. */
  async agent(words: readonly string[]): Promise<string> {
    const [file, ...rest] = this.#command(['agent', ...words]);
    const started = this.#namespace.run(() =>
      run(file!, rest, { timeout: COMMAND_MS, env: this.#env }),
    );
    return (await started).stdout;
  }

  /** Returns the status that `litz agent status --json` prints, without starting a process. */
  async status(): Promise<MeshStatus> {
    const path = controlPath('litz0', join(this.#folder, 'run/litz'));
    return (await sendControlRequest(path, { command: 'status' })) as MeshStatus;
  }

  /** Ends all programs with SIGKILL, like a machine that loses power. */
  async kill(): Promise<void> {
    const ends = this.#children
      .filter((child) => child.exitCode === null && child.signalCode === null)
      .map((child) => (child.kill('SIGKILL'), once(child, 'exit')));
    await Promise.all(ends);
  }

  async close(): Promise<void> {
    await this.kill();
    for (const pod of this.pods) pod.close();
    this.#namespace.close();
  }

  /**
   * Returns a command that runs the program in a mount namespace with a /run of the node's own.
   */
  #command(words: readonly string[]): string[] {
    const script = 'mount --bind "$0" /run && exec "$@"';
    const litz = [process.execPath, this.#options.program, ...words];
    return ['unshare', '-m', '--', 'sh', '-c', script, join(this.#folder, 'run'), ...litz];
  }

  get #env(): NodeJS.ProcessEnv {
    // The environment of the demo must not decide whether the daemon stays in the foreground.
    const { WG_PROCESS_FOREGROUND: _, ...env } = process.env;
    return env;
  }

  #spawn(words: readonly string[]): ChildProcess {
    const [file, ...rest] = this.#command(words);
    const child = this.#namespace.run(() =>
      spawn(file!, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: this.#env }),
    );
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-KEPT_TEXT);
      });
    }
    this.#children.push(child);
    return child;
  }

  /** @throws {Failure} the program ended, or is not ready in time; the message has its output */
  async #until(child: ChildProcess, isReady: () => boolean | Promise<boolean>): Promise<void> {
    const end = performance.now() + READY_MS;
    while (performance.now() < end && child.exitCode === null) {
      if (await isReady()) return;
      await sleep(POLL_MS);
    }
    const what = child.spawnargs.includes('agent') ? 'agent' : 'daemon';
    const state = child.exitCode === null ? 'is not ready' : `ended with ${child.exitCode}`;
    throw new Failure(`the ${what} of node ${this.name} ${state}: ${this.#output.trim()}`);
  }
}

const READY_MS = 30_000;
const POLL_MS = 20;
/** The time limit in ms of a command to a running agent. */
const COMMAND_MS = 20_000;
const KEPT_TEXT = 4000;
