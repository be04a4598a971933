/**
 * `runUp`: runs `litz up FILE.conf`, a tunnel in the foreground.
 *
 * It does what wg-quick does: hooks, interface, keys, addresses, MTU, DNS servers, routes, and a
 * default route, which needs a firewall mark and routing rules. The whole file is checked and its
 * host names are resolved before anything is changed. The tunnel ends at a signal, by `litz down`,
 * or when the interface or its UAPI socket is removed. Then everything is undone.
 *
 * @module
 */
import {
  LinuxHost,
  parseTunnelFile,
  retriesFromEnvironment,
  type HookOptions,
} from '@litz/device/quick';
import { closeAll } from '../close-all.ts';
import { aborted } from '../end-signals.ts';
import { describeFailure, Failure } from '../failure.ts';
import { logLevel } from '../log.ts';
import type { MetricsAddress } from '../metrics/metrics-address.ts';
import { openMetrics, type MetricsServer } from '../metrics/metrics-server.ts';
import { warningOfHooks } from '../rights/tunnel-rights.ts';
import { ServiceNotifier } from '../service/service-notifier.ts';
import { ControlServer, type ControlRequest } from '../tunnel/control.ts';
import { RunningTunnel, type IgnoredPart } from '../tunnel/running-tunnel.ts';
import { readTunnelFile } from '../read-tunnel-file.ts';
import { locateTunnelFile } from '../tunnel-path.ts';

export interface UpOptions {
  /** The environment, with LOG_LEVEL and WG_ENDPOINT_RESOLUTION_RETRIES. Hooks get it too. */
  readonly env: NodeJS.ProcessEnv;
  /** Ends the tunnel. */
  readonly signal: AbortSignal;
  /** Called with lines for the user, without a line feed. */
  readonly print: (line: string) => void;
  /** The parts of the file that are left out. Default: none. */
  readonly ignored?: ReadonlySet<IgnoredPart>;
  readonly hooks?: Pick<HookOptions, 'limitMs' | 'onOutput'>;
  /** Where metrics are served. Default: nowhere. */
  readonly metrics?: MetricsAddress | undefined;
  /** How the user can take the tunnel down; printed when the tunnel is up. */
  readonly howToEnd: string;
  /** Called when the tunnel is up. */
  readonly onReady?: () => void;
  /** Called once, with a function that reloads the file. */
  readonly onReloadable?: (reload: () => void) => void;
}

/**
 * Brings the tunnel up. Resolves after the tunnel was asked to end, when everything is undone.
 *
 * @param target FILE.conf, or the name of an interface: /etc/wireguard/NAME.conf
 * @throws {Failure | WireGuardError} the tunnel could not be brought up; everything is undone
 * @throws {WireGuardError} `ERR_LITZ_WORKER`: the packet loop crashed; everything is undone
 * @throws the reason of `signal`, if the tunnel was asked to end before it was up
 */
export async function runUp(target: string, options: UpOptions): Promise<void> {
  const { env, signal, ignored = new Set() } = options;
  const retries = retriesOf(env);
  const located = locateTunnelFile(target);
  const text = readTunnelFile(located.file, options.print);
  const file = parseTunnelFile(text, located);
  const session = new Session(located.name, options);
  const host = await LinuxHost.open();
  try {
    // A tunnel that was killed has left its DNS servers, which do not answer without the tunnel.
    for (const line of host.restoreLeftOverDns()) session.print(line);
    const running = await RunningTunnel.up(file, {
      host,
      ignored,
      hooks: session.hooks(env),
      level: logLevel(env['LOG_LEVEL']),
      retries,
      signal,
      onStep: isQuiet(env) ? () => {} : (line) => session.print(line),
      print: (line) => session.print(line),
    });
    await session.run(running);
  } finally {
    host.close();
  }
}

/** One tunnel while it is up, and the clients that control it. */
class Session {
  readonly #name: string;
  readonly #options: UpOptions;
  readonly #ending = new AbortController();
  readonly #notifier: ServiceNotifier;
  /** Each function sends a line to a client that waits until the tunnel is down. */
  readonly #watchers = new Set<(line: string) => void>();
  #settleDown!: (failure: unknown) => void;
  /** Resolves when the tunnel is down, with the error that occurred; undefined: there was none. */
  readonly #isDown = new Promise<unknown>((resolve) => (this.#settleDown = resolve));

  constructor(name: string, options: UpOptions) {
    this.#name = name;
    this.#options = options;
    this.#notifier = new ServiceNotifier({
      env: options.env,
      onError: (error) => this.print((error as Error).message),
    });
  }

  print(line: string): void {
    this.#options.print(`${this.#name}: ${line}`);
    for (const watcher of this.#watchers) watcher(`${this.#name}: ${line}`);
  }

  /**
   * Returns the options of hooks. If this process reads the output of hooks, clients that wait for
   * `down` get that output too.
   */
  hooks(env: NodeJS.ProcessEnv): HookOptions {
    const { hooks = {} } = this.#options;
    const { onOutput } = hooks;
    if (!onOutput) return { env, ...hooks };
    const toAll = (bytes: Buffer): void => {
      onOutput(bytes);
      for (const watcher of this.#watchers) watcher(String(bytes).replace(/\n$/, ''));
    };
    return { env, ...hooks, onOutput: toAll };
  }

  /** Resolves when the tunnel is down. */
  async run(running: RunningTunnel): Promise<void> {
    const { env, signal, metrics: address } = this.#options;
    const control = await this.#listen(running);
    const notifier = this.#notifier;
    let metrics: MetricsServer | undefined;
    try {
      try {
        metrics = address && (await openMetrics(address, running.measured));
        const { listenPort, hasKey } = await running.state();
        if (!hasKey) this.print(NO_KEY);
        if (metrics && !isQuiet(env)) this.print(`serves /metrics on ${metrics.address}`);
        if (!isQuiet(env))
          this.print(`up, listens on port ${listenPort}; ${this.#options.howToEnd} takes it down`);
        this.#options.onReloadable?.(() => void this.#reload(running));
        this.#options.onReady?.();
        notifier.ready(`${this.#name} is up`);
        notifier.watch(() => running.state());
        const end = AbortSignal.any([signal, this.#ending.signal]);
        await Promise.race([aborted(end), running.ended]);
        notifier.stopping();
      } finally {
        await closeAll(
          () => metrics?.close(),
          () => running.down(),
        );
      }
      // This throws if the packet loop has crashed.
      await running.ended;
      if (!isQuiet(env)) this.print('down');
      this.#settleDown(undefined);
    } catch (error) {
      this.#settleDown(error);
      throw error;
    } finally {
      await closeAll(
        () => control?.close(),
        () => notifier.close(),
      );
    }
  }

  /**
   * Opens the control socket. A failure is only printed, because only `litz down`, `litz reload`
   * and `litz save` need the socket.
   */
  async #listen(running: RunningTunnel): Promise<ControlServer | undefined> {
    try {
      return await ControlServer.listen(this.#name, (request, say) =>
        this.#carryOut(running, request, say),
      );
    } catch (error) {
      this.print(
        `litz down, reload and save cannot reach this tunnel: ${(error as Error).message}`,
      );
      return undefined;
    }
  }

  async #carryOut(
    running: RunningTunnel,
    request: ControlRequest,
    say: (line: string) => void,
  ): Promise<void> {
    if (request.do === 'upgrade' || request.do === 'take-over') throw new Failure(NO_UPGRADE);
    if (request.do === 'save') return running.save();
    if (request.do === 'reload') return this.#change(running, request.file, say);
    this.#watchers.add(say);
    this.#ending.abort();
    const failure = await this.#isDown;
    this.#watchers.delete(say);
    if (failure !== undefined) throw failure;
  }

  /** Reloads, and tells the service manager when the reload begins and ends. */
  async #change(
    running: RunningTunnel,
    file: string | undefined,
    say: (line: string) => void,
  ): Promise<void> {
    this.#notifier.reloading();
    try {
      await running.reload(file, say);
      const warning = this.#options.ignored?.has('hooks')
        ? undefined
        : warningOfHooks(running.file);
      if (warning !== undefined) say(warning);
    } finally {
      this.#notifier.ready(`${this.#name} is up`);
    }
  }

  /** Reloads at a signal. The sender of a signal gets no answer, so the result is printed. */
  async #reload(running: RunningTunnel): Promise<void> {
    try {
      await this.#change(running, undefined, (line) => this.print(line));
      if (!isQuiet(this.#options.env)) this.print('reloaded');
    } catch (error) {
      this.print(`not reloaded: ${describeFailure(error)}`);
    }
  }
}

/** Returns whether the steps are not printed, because LOG_LEVEL is 'silent' or 'error'. */
function isQuiet(env: NodeJS.ProcessEnv): boolean {
  const level = env['LOG_LEVEL'];
  return level === 'silent' || level === 'error';
}

function retriesOf(env: NodeJS.ProcessEnv): number {
  try {
    return retriesFromEnvironment(env);
  } catch (error) {
    throw new Failure((error as Error).message, { cause: error });
  }
}

const NO_UPGRADE =
  'this is a tunnel of litz up, which cannot be upgraded while it is up: use litz down and litz up';
const NO_KEY =
  'Warning: there is no PrivateKey, so no peer can be reached; set one with: wg set IFNAME private-key FILE';
