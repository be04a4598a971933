/**
 * `Containers`: daemons that were started with `--take-over`, each in PID and mount namespaces of
 * its own, as the containers of two pods on one node. They share the network namespace and the
 * folder of the sockets.
 *
 * @module
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { litz, type Implementation } from '../interop/implementation.ts';
import type { Namespace, StartedProcess } from '../interop/namespace.ts';
import { LITZ } from '../litz-process.ts';
import { until } from './upgraded-tunnel.ts';

export interface ContainerOptions {
  /** The step of the hand-over at which the daemon hangs, such as 'at commit'. Default: none. */
  readonly pause?: string;
  /** The format of the hand-over that the daemon names. Default: its own. */
  readonly format?: string;
}

/** One daemon. */
export class Container {
  readonly #started: StartedProcess;
  readonly #ready: string;
  readonly #paused: string;

  constructor(started: StartedProcess, ready: string, paused: string) {
    this.#started = started;
    this.#ready = ready;
    this.#paused = paused;
  }

  /** What the daemon has printed. */
  get text(): string {
    return this.#started.output();
  }

  /** Whether the file of `--ready-file` exists. */
  get isReady(): boolean {
    return existsSync(this.#ready);
  }

  /** Whether the daemon hangs at its step. */
  get isPaused(): boolean {
    return existsSync(this.#paused);
  }

  /** The exit code; the name of the signal that has ended the daemon; undefined: it runs. */
  get end(): number | string | undefined {
    const { exitCode, signalCode } = this.#started.process;
    return exitCode ?? signalCode ?? undefined;
  }

  /** Lets a daemon that hangs go on. */
  release(): void {
    rmSync(this.#paused);
  }

  /** Resolves when a process has taken the device from this daemon, which then waits. */
  async isReplaced(): Promise<void> {
    await until(() => this.text.includes('this one only waits for its end'));
  }

  kill(signal: NodeJS.Signals): void {
    // The daemon is the only child of unshare(1), and inside it has the process ID 1.
    const { pid } = this.#started.process;
    const [child = ''] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    if (child !== '') process.kill(Number(child), signal);
  }
}

export class Containers {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'litz-containers-'));
  #count = 0;
  /** The daemon that `implementation` has started. */
  first!: Container;

  /** Starts a daemon that another one may take over. */
  readonly implementation: Implementation<Namespace> = {
    ...litz,
    start: async (machine) => {
      const link = `lz${process.pid % 100_000}c${++links}`;
      this.first = this.start(machine, link);
      await until(() => this.first.isReady);
      return { link, remove: () => machine.endStarted() };
    },
  };

  start(machine: Namespace, link: string, options: ContainerOptions = {}): Container {
    const { pause = '', format = '' } = options;
    const number = ++this.#count;
    const [ready, paused] = [`ready${number}`, `paused${number}`].map((file) =>
      join(this.folder, file),
    ) as [string, string];
    const node = [process.execPath, '--import', join(import.meta.dirname, 'killer.mjs')];
    const words = ['-f', '--take-over', '--ready-file', ready, link];
    const [program = '', ...args] = [...UNSHARE, ...node, LITZ, ...words];
    const started = machine.start(program, args, {
      KILL: `pause ${pause}`,
      PASSED: format,
      PAUSED: paused,
      LITZ_ENTRY: LITZ,
    });
    return new Container(started, ready, paused);
  }

  /** Call this after all daemons have ended. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc'];
let links = 0;
