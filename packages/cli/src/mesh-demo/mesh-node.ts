/**
 * `MeshNode`: a machine of the demo. A network namespace with two pods, a daemon (`litz litz0`), an agent
 * (`litz agent`), and a /run of its own.
 *
 * @module
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { askAgent, controlPath, type MeshStatus } from '@litz/mesh';
import { NetworkNamespace, writeSysctl } from '@litz/sys';
import { Failure } from '../failure.ts';
import { Pod } from './pod.ts';
import type { Underlay } from './underlay.ts';

const run = promisify(execFile);
const READY_MS = 10_000;
const POLL_MS = 20;
/** For words to a running agent. */
const COMMAND_MS = 20_000;

export interface MeshNodeOptions {
  readonly name: string;
  /** 1 to 254: its pods have 10.244.NUMBER.0/24. */
  readonly number: number;
  /** Of the underlay: a node that replaces another has a cable of its own. */
  readonly cable: number;
  readonly underlay: Underlay;
  /** The demo's folder: the registry is in it, and a folder for each machine. */
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
  /** What the programs said last, for the message of a failure. */
  #said = '';

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

  /** The data plane. It stays without a configuration until an agent comes. */
  async startDaemon(): Promise<void> {
    const daemon = this.#spawn(['-f', 'litz0']);
    await this.#until(daemon, () => existsSync(join(this.#folder, 'run/wireguard/litz0.sock')));
  }

  /** Resolves when it answers. */
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

  /** `litz agent WORDS` on this machine. @returns what it printed */
  async agent(words: readonly string[]): Promise<string> {
    const [file, ...rest] = this.#command(['agent', ...words]);
    const started = this.#namespace.run(() =>
      run(file!, rest, { timeout: COMMAND_MS, env: this.#env }),
    );
    return (await started).stdout;
  }

  /** What `litz agent status --json` prints, without a process for each look. */
  async status(): Promise<MeshStatus> {
    const path = controlPath('litz0', join(this.#folder, 'run/litz'));
    return (await askAgent(path, { command: 'status' })) as MeshStatus;
  }

  /** As a machine that loses its power. */
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

  /** A shell in a mount namespace gives it a /run of its own and becomes the program. */
  #command(words: readonly string[]): string[] {
    const script = 'mount --bind "$0" /run && exec "$@"';
    const litz = [process.execPath, this.#options.program, ...words];
    return ['unshare', '-m', '--', 'sh', '-c', script, join(this.#folder, 'run'), ...litz];
  }

  get #env(): NodeJS.ProcessEnv {
    // Of the daemon: nothing tells it that it is somebody's background process.
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
        this.#said = (this.#said + text).slice(-KEPT_TEXT);
      });
    }
    this.#children.push(child);
    return child;
  }

  /** @throws {Failure} the program ended, or it is not ready in time; with what it said */
  async #until(child: ChildProcess, isReady: () => boolean | Promise<boolean>): Promise<void> {
    const end = performance.now() + READY_MS;
    while (performance.now() < end && child.exitCode === null) {
      if (await isReady()) return;
      await sleep(POLL_MS);
    }
    const what = child.spawnargs.includes('agent') ? 'agent' : 'daemon';
    const state = child.exitCode === null ? 'is not ready' : `ended with ${child.exitCode}`;
    throw new Failure(`the ${what} of node ${this.name} ${state}: ${this.#said.trim()}`);
  }
}

const KEPT_TEXT = 4000;
