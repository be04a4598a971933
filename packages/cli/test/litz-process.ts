/**
 * `LitzProcess`: the built `litz` command as a separate process. `realInterfaces`: the requirements
 * of tests that run it with real interfaces.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NetworkNamespace } from '@litz/sys';
import { programRequirement, requirement, type Requirement } from '@litz/testkit';

export const LITZ: string = fileURLToPath(new URL('../bin/litz.js', import.meta.url));

/** The requirements of every test with real interfaces. */
export const realInterfaces: readonly Requirement[] = [
  requirement('the built litz', () =>
    existsSync(fileURLToPath(new URL('../dist/main.js', import.meta.url)))
      ? true
      : 'run `tsc -b` first',
  ),
  requirement('the right to make network namespaces', () => NetworkNamespace.create().close()),
  requirement('/dev/net/tun', () => existsSync('/dev/net/tun')),
  requirement('the right to write /var/run/wireguard', () => {
    mkdirSync('/var/run/wireguard', { recursive: true });
    accessSync('/var/run/wireguard', constants.W_OK);
  }),
  programRequirement('wg'),
];

export interface ProcessOptions {
  namespace?: NetworkNamespace;
  env?: NodeJS.ProcessEnv;
  /** The words in front of the command line of litz, such as ['setpriv', ...]. */
  wrapper?: readonly string[];
  /** Flags for Node.js. */
  nodeOptions?: readonly string[];
  /** The process is killed after this many ms. Default: a minute. */
  longestMs?: number;
}

export class LitzProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<[number | null, NodeJS.Signals | null]>;
  readonly #timer: NodeJS.Timeout;
  #text = '';
  #onText: () => void = () => {};

  constructor(words: readonly string[], options: ProcessOptions = {}) {
    const { namespace, env = {}, wrapper = [], nodeOptions = [] } = options;
    const { longestMs = LONGEST_MS } = options;
    const node = [process.execPath, ...nodeOptions];
    const [program = '', ...rest] = [...wrapper, ...node, LITZ, ...words];
    const start = (): ChildProcess =>
      spawn(program, rest, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, LOG_LEVEL: undefined, ...env },
      });
    this.#child = namespace ? namespace.run(start) : start();
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#text += text;
        this.#onText();
      });
    }
    this.#ended = once(this.#child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    void this.#ended.then(() => {
      clearTimeout(this.#timer);
      this.#onText();
    });
    // A process that hangs is killed, even if its test does not end it.
    this.#timer = setTimeout(() => this.#child.kill('SIGKILL'), longestMs);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** What was printed so far, on standard output and on standard error. */
  get text(): string {
    return this.#text;
  }

  /** Resolves when the output matches. @throws {Error} (rejects) the process ended before that */
  async says(what: RegExp): Promise<void> {
    while (!what.test(this.#text)) {
      const { exitCode, signalCode } = this.#child;
      if (exitCode !== null || signalCode !== null) {
        throw new Error(`it ended (${signalCode ?? exitCode}) and only said: ${this.#text}`);
      }
      await new Promise<void>((resolve) => (this.#onText = resolve));
    }
  }

  /**
   * Sends the signal, if one is given, and waits for the end of the process. Returns its exit code,
   * or the signal that ended it.
   */
  async end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    if (signal) this.#child.kill(signal);
    const [code, died] = await this.#ended;
    return died ?? code;
  }
}

/** Returns a `wrapper` that runs a script in a new mount namespace, and then litz there. */
export function inMounts(script: string): string[] {
  return ['unshare', '-m', 'sh', '-c', `${script} && exec "$@"`, 'sh'];
}

/**
 * A `wrapper` that gives litz a /run of its own, and a /dev/net/tun with the mode that udev gives it.
 */
export const OWN_MACHINE: readonly string[] = inMounts(
  'mount -t tmpfs run /run && mount -t tmpfs dev /dev/net && mknod -m 666 /dev/net/tun c 10 200',
);

const LONGEST_MS = 60_000;
