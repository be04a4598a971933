/**
 * `ClusterNode`: one node of a `Cluster`. Its daemon and its agent are processes that can be
 * killed.
 *
 * @module
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import type { DeviceStatus } from '@litz/config';
import { UapiClient } from '@litz/config/uapi';
import { sendControlRequest, controlPath, type ControlRequest, type MeshStatus } from '@litz/mesh';
import { RunningCommand, runCommand, until } from '../peers/command.ts';
import { ip } from '../peers/namespaces.ts';

export interface ClusterNodeOptions {
  /** The number of the node, from 1. */
  readonly number: number;
  /** The prefix of the names of its namespaces. */
  readonly prefix: string;
  /** The folder of the whole cluster. */
  readonly folder: string;
}

export class ClusterNode {
  readonly number: number;
  /** The namespaces of the node and its pod. */
  readonly host: string;
  readonly pod: string;
  readonly podAddress: string;
  readonly interfaceName: string;
  /** The path of the daemon's socket. */
  readonly socket: string;
  readonly #folder: string;
  #daemon: RunningCommand | undefined = undefined;
  #agent: RunningCommand | undefined = undefined;

  constructor({ number, prefix, folder }: ClusterNodeOptions) {
    this.number = number;
    this.host = `${prefix}-n${number}`;
    this.pod = `${prefix}-p${number}`;
    this.podAddress = `10.244.${number}.5`;
    // Unique on the machine, because all namespaces share the directory of the sockets.
    this.interfaceName = `lr${process.pid.toString(36)}n${number}`;
    this.socket = `/var/run/wireguard/${this.interfaceName}.sock`;
    this.#folder = folder;
  }

  get namespaces(): readonly string[] {
    return [this.host, this.pod];
  }

  get #controlFolder(): string {
    return join(this.#folder, 'run');
  }

  get #address(): string {
    return `10.9.0.${this.number}`;
  }

  get #prefix(): string {
    return `10.244.${this.number}.0/24`;
  }

  /** Makes the namespaces and the veth between them. */
  async create(): Promise<void> {
    const { host, pod, number, podAddress } = this;
    for (const name of this.namespaces) {
      await ip('netns', 'add', name);
      await ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    const settings = ['net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=1'];
    const filter = 'net.ipv4.conf.default.rp_filter=1';
    await runCommand('sysctl', ['-qw', ...settings, filter], { namespace: host });
    await ip('link', 'add', 'cni0', 'netns', host, 'type', 'veth', 'peer', 'eth0', 'netns', pod);
    const gateway = `10.244.${number}.1`;
    await ip('-n', host, 'address', 'add', `${gateway}/24`, 'dev', 'cni0');
    await ip('-n', host, 'link', 'set', 'cni0', 'up');
    await ip('-n', pod, 'address', 'add', `${podAddress}/24`, 'dev', 'eth0');
    await ip('-n', pod, 'link', 'set', 'eth0', 'up');
    await ip('-n', pod, 'route', 'add', 'default', 'via', gateway);
  }

  /** Configures the link `wan`, which must exist. */
  async plugIn(): Promise<void> {
    await ip('-n', this.host, 'address', 'add', `${this.#address}/24`, 'dev', 'wan');
    await ip('-n', this.host, 'link', 'set', 'wan', 'up');
  }

  async routeTo(other: ClusterNode): Promise<void> {
    await ip('-n', this.host, 'route', 'add', other.#prefix, 'via', other.#address, 'dev', 'wan');
  }

  /** Starts the daemon. Resolves when its socket exists. */
  async startDaemon(): Promise<void> {
    // A killed daemon leaves its socket.
    rmSync(this.socket, { force: true });
    const daemon = this.#run(['-f', this.interfaceName]);
    this.#daemon = daemon;
    const hasSocket = (): boolean => {
      daemon.checkAlive();
      return existsSync(this.socket);
    };
    await until(`${daemon.name}: socket`, hasSocket, START_MS);
  }

  /** Starts the agent. Its registry is a directory that all nodes of the cluster share. */
  startAgent(enforcement: string): void {
    const registry = join(this.#folder, 'registry');
    mkdirSync(registry, { recursive: true });
    const flags = {
      interface: this.interfaceName,
      'control-dir': this.#controlFolder,
      registry: `file:${registry}`,
      node: `n${this.number}`,
      'node-ip': this.#address,
      prefixes: `static:${this.#prefix}`,
      'state-dir': join(this.#folder, `state-${this.number}`),
      'cluster-prefix': '10.244.0.0/16',
      enforcement,
    };
    const words = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    this.#agent = this.#run(['agent', ...words]);
  }

  /** Kills the agent with SIGKILL and waits until it has ended. */
  async killAgent(): Promise<void> {
    await kill(this.#agent);
  }

  /** Kills the daemon with SIGKILL and waits until it has ended. */
  async killDaemon(): Promise<void> {
    await kill(this.#daemon);
  }

  /**
   * Sends a request to the agent, as `litz agent status` and similar commands do.
   *
   * @throws {Error} (rejects) no agent answers, or it refuses the request
   */
  async request(request: ControlRequest): Promise<unknown> {
    return sendControlRequest(controlPath(this.interfaceName, this.#controlFolder), request);
  }

  /**
   * Waits until the agent has read the records of `count` other nodes. It does not wait for
   * connections, because there are no connections while the mesh is off.
   */
  async untilPeersKnown(count: number): Promise<void> {
    await this.#untilPeers(count, () => true);
  }

  /** Waits until the status of the agent says that `count` other nodes have answered. */
  async untilPeersAnswered(count: number): Promise<void> {
    await this.#untilPeers(count, ({ state }) => state === 'connected');
  }

  /** Returns the status of the daemon. */
  async device(): Promise<DeviceStatus> {
    return new UapiClient(this.socket).get();
  }

  /** Ends the programs of the node. */
  async end(): Promise<void> {
    await this.#agent?.end();
    await this.#daemon?.end();
  }

  /** Waits until `isWanted` returns true for `count` peers of the agent's status. */
  async #untilPeers(
    count: number,
    isWanted: (peer: MeshStatus['peers'][number]) => boolean,
  ): Promise<void> {
    const end = performance.now() + PEERS_MS;
    let last = '';
    while (performance.now() < end) {
      this.#agent?.checkAlive();
      try {
        const { peers, events } = (await this.request({ command: 'status' })) as MeshStatus;
        if (peers.filter(isWanted).length >= count) return;
        const states = peers.map(({ name, state }) => `${name} ${state}`);
        last = [...states, ...events.map(({ at, text }) => `${at} ${text}`)].join('\n');
      } catch (error) {
        // An agent that has just started does not answer yet.
        last = (error as Error).message;
      }
      await pause(POLL_MS);
    }
    throw new Error(`node ${this.number}: no ${count} peers within ${PEERS_MS} ms: ${last}`);
  }

  #run(words: readonly string[]): RunningCommand {
    return new RunningCommand(process.execPath, [LITZ, ...words], { namespace: this.host });
  }
}

async function kill(command: RunningCommand | undefined): Promise<void> {
  if (!command) return;
  command.kill();
  await until(`${command.name}: end`, () => command.hasEnded);
}

const LITZ = fileURLToPath(new URL('../../../cli/bin/litz.js', import.meta.url));
const START_MS = 30_000;
const PEERS_MS = 60_000;
const POLL_MS = 50;
