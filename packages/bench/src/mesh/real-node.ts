/**
 * `RealNode`: `litz` with an interface, and `litz agent`, as programs in a network namespace of
 * their own.
 *
 * The agent reaches the daemon's socket through a proxy that counts requests. It calls nft through
 * a script named `nft` that logs each call. Only this agent uses the proxy and the script.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RunningCommand, until } from '../peers/command.ts';
import { Daemon } from '../peers/daemon.ts';
import { peakResidentMegabytes } from '../peers/daemon-process.ts';
import { litz } from '../peers/implementation.ts';
import { CLUSTER_PREFIX } from './fake-record.ts';
import { nodeAddress } from './mesh-network.ts';
import { registryFlags, type RegistryPlace } from './registry-place.ts';
import type { RoutesAdded } from './route-watch-child.ts';
import { UapiProxy } from './uapi-proxy.ts';

export interface RealNodeCounts {
  readonly sets: number;
  readonly gets: number;
  /** How often `nft` has loaded a ruleset. */
  readonly rulesets: number;
  /** CPU time of all threads of the agent, in ms. */
  readonly cpuMs: number;
}

export class RealNode {
  readonly name: string;
  readonly #namespace: string;
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'litz-node-'));
  readonly #daemon: Daemon;
  readonly #routes: Map<string, number> = new Map();
  readonly #watch: RunningCommand;
  #isWatched = false;
  #proxy: UapiProxy | undefined = undefined;
  #agent: RunningCommand | undefined = undefined;

  /**
   * Starts the daemon and a program that watches routes.
   *
   * @param number the node's number, for its address and prefix
   */
  static async start(namespace: string, number: number): Promise<RealNode> {
    const node = new RealNode(namespace, number);
    try {
      await node.#daemon.untilListening(START_MS);
      await until('route watch', () => node.#isWatched, START_MS);
      const sockets = node.#path('sockets');
      mkdirSync(sockets, { mode: 0o700 });
      const { socket } = node.#daemon;
      node.#proxy = await UapiProxy.open(join(sockets, `${node.interfaceName}.sock`), socket);
      node.#writeCountingNft();
      return node;
    } catch (error) {
      await node.close();
      throw error;
    }
  }

  private constructor(namespace: string, number: number) {
    this.name = realName(number);
    this.number = number;
    this.#namespace = namespace;
    this.#daemon = new Daemon(litz(), { namespace });
    this.#watch = new RunningCommand(process.execPath, [WATCH], {
      namespace,
      onMessage: (message) => {
        const { prefixes, at } = message as RoutesAdded;
        this.#isWatched = true;
        for (const prefix of prefixes) this.#routes.set(prefix, at);
      },
    });
  }

  readonly number: number;

  get interfaceName(): string {
    return this.#daemon.interfaceName;
  }

  /** The number of prefixes to which a route has been added so far. */
  get routes(): number {
    return this.#routes.size;
  }

  /** Returns the time in ms at which the route to a prefix was last added; undefined: never. */
  routeAddedAt(prefix: string): number | undefined {
    return this.#routes.get(prefix);
  }

  startAgent(place: RegistryPlace): void {
    const own = ['--node', this.name, '--node-ip', nodeAddress(this.number)];
    const prefixes = ['--prefixes', `static:${realPrefix(this.number)}`];
    const enforced = ['--cluster-prefix', CLUSTER_PREFIX, '--enforcement', 'enforce', '--force'];
    const folders = ['--state-dir', this.#path('state'), '--control-dir', this.#path('run')];
    const at = ['--interface', this.interfaceName, ...folders];
    const flags = [...registryFlags(place), ...own, ...prefixes, ...enforced, ...at];
    // `ip netns exec` has made a mount namespace, so no other program sees this mount.
    const script = 'mount --bind "$0" /var/run/wireguard && exec "$@"';
    const program = [process.execPath, LITZ, 'agent', ...flags];
    this.#agent = new RunningCommand('sh', ['-c', script, this.#path('sockets'), ...program], {
      namespace: this.#namespace,
      env: { PATH: `${this.#path('bin')}:${process.env['PATH'] ?? ''}`, NODE_OPTIONS: HEAP },
    });
  }

  /** @throws {Error} agent or daemon has ended; the message has the last part of its stderr */
  checkAlive(): void {
    this.#daemon.checkAlive();
    this.#agent?.checkAlive();
  }

  counts(): RealNodeCounts {
    const { sets = 0, gets = 0 } = this.#proxy ?? {};
    return { sets, gets, rulesets: this.#rulesets(), cpuMs: cpuMilliseconds(this.#pid) };
  }

  /** Returns the resident memory of the agent in MB (10^6 bytes), now and at its peak. */
  resident(): { readonly now: number; readonly peak: number } {
    const status = readFileSync(`/proc/${this.#pid}/status`, 'latin1');
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(status);
    return { now: Number(found?.[1]) * 1.024e-3, peak: peakResidentMegabytes(this.#pid) };
  }

  async close(): Promise<void> {
    await this.#agent?.end();
    await this.#watch.end();
    this.#proxy?.close();
    await this.#daemon.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #pid(): number {
    return this.#agent!.pid;
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #writeCountingNft(): void {
    const real = execFileSync('sh', ['-c', 'command -v nft'], { encoding: 'utf8' }).trim();
    mkdirSync(this.#path('bin'));
    writeFileSync(this.#path('nft.log'), '');
    const script = `#!/bin/sh\necho "$@" >> '${this.#path('nft.log')}'\nexec '${real}' "$@"\n`;
    writeFileSync(join(this.#path('bin'), 'nft'), script);
    chmodSync(join(this.#path('bin'), 'nft'), 0o755);
  }

  #rulesets(): number {
    const lines = readFileSync(this.#path('nft.log'), 'utf8').split('\n');
    return lines.filter((line) => line.includes('-f ')).length;
  }
}

/** Returns the name of a node with a real agent, for its record. */
export function realName(number: number): string {
  return `real-${number}`;
}

function realPrefix(number: number): string {
  return `10.254.${number}.0/24`;
}

/**
 * Returns the CPU time of all threads of a process. It comes from the scheduler's counters, which
 * are in nanoseconds. The times of /proc/PID/stat would be too coarse: their unit is a hundredth of
 * a second.
 */
function cpuMilliseconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1');
      nanoseconds += Number(text.split(' ')[0]);
    } catch {
      // The thread has just ended.
    }
  }
  return nanoseconds / 1e6;
}

/** Time limit in ms; many agents may start at the same time. */
const START_MS = 120_000;
/**
 * The options of Node.js that docs/mesh.md recommends for an agent. In the container of the Helm
 * chart, V8 uses similar limits, because of the container's memory limit.
 */
const HEAP = '--max-semi-space-size=1 --max-old-space-size=256';
const LITZ = fileURLToPath(new URL('../../../cli/bin/litz.js', import.meta.url));
const WATCH = fileURLToPath(new URL('./route-watch-child.js', import.meta.url));
