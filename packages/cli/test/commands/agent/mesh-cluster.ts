/**
 * `MeshCluster`: the nodes of a mesh for tests. Each node and each pod has a network namespace of
 * its own. A bridge connects the nodes, and a test can capture the packets on the bridge. Each node
 * has a route to the pod of each other node, as flannel adds it with its backend host-gw.
 *
 * ```
 *   pod 10.244.1.5 - node 1, wan 10.9.0.1 --+-- bridge --+-- wan 10.9.0.2, node 2 - pod 10.244.2.5
 * ```
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { TcpRelay } from '@litz/testkit';
import { sendControlRequest, controlPath, type MeshStatus } from '@litz/mesh';
import { writeSysctl } from '@litz/sys';
import { PacketSocket } from '@litz/sys/tools';
import { Host, uniqueName } from '../../host.ts';
import type { LitzProcess, ProcessOptions } from '../../litz-process.ts';

export const CLUSTER_PREFIX = '10.244.0.0/16';

export class MeshCluster {
  readonly nodes: readonly MeshNode[];
  /** The folder of the registry, and of the sockets and the state of the agents. */
  readonly folder: string = mkdtempSync(join(tmpdir(), 'litz-mesh-'));
  readonly #switch: Host = new Host();
  readonly #relays: TcpRelay[] = [];

  static async create(count: number): Promise<MeshCluster> {
    const cluster = new MeshCluster(count);
    await cluster.#wire();
    return cluster;
  }

  private constructor(count: number) {
    this.nodes = Array.from({ length: count }, (_, i) => new MeshNode(i + 1, this.folder));
  }

  /**
   * Makes a server available to the nodes. The server listens on port `to` of the loopback
   * interface outside the namespaces; the nodes reach it at `place`, an address and port of the
   * bridge.
   */
  relay(to: number): { readonly relay: TcpRelay; readonly place: string } {
    const port = FIRST_RELAY_PORT + this.#relays.length;
    const relay = this.#switch.namespace.run(() => TcpRelay.open(to, port));
    this.#relays.push(relay);
    return { relay, place: `${SWITCH_ADDRESS}:${port}` };
  }

  /** Captures at every port of the bridge, so a packet between two nodes appears twice. */
  capture(): Capture {
    const { namespace, netlink } = this.#switch;
    const ports = this.nodes.map(({ number }) => netlink.linkByName(`port${number}`)!.index);
    return namespace.run(() => new Capture(ports));
  }

  async close(): Promise<void> {
    for (const relay of this.#relays) relay.close();
    for (const node of this.nodes) await node.close();
    await this.#switch.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #wire(): Promise<void> {
    await this.#switch.run('ip', ['link', 'add', 'br0', 'type', 'bridge']);
    await this.#switch.run('ip', ['address', 'add', `${SWITCH_ADDRESS}/24`, 'dev', 'br0']);
    await this.#switch.run('ip', ['link', 'set', 'br0', 'up']);
    for (const node of this.nodes) {
      const port = `port${node.number}`;
      this.#switch.netlink.createVeth(port, 'wan', { peerNetns: node.host.namespace.fd });
      await this.#switch.run('ip', ['link', 'set', port, 'master', 'br0', 'up']);
      await node.wire();
    }
    for (const node of this.nodes) await node.routeTo(this.nodes.filter((other) => other !== node));
  }
}

export class MeshNode {
  readonly number: number;
  readonly name: string;
  readonly address: string;
  readonly prefix: string;
  readonly podAddress: string;
  readonly interfaceName: string;
  readonly host: Host = new Host();
  readonly pod: Host = new Host();
  readonly #folder: string;

  constructor(number: number, folder: string) {
    this.number = number;
    this.name = `n${number}`;
    this.address = `10.9.0.${number}`;
    this.prefix = `10.244.${number}.0/24`;
    this.podAddress = `10.244.${number}.5`;
    this.interfaceName = uniqueName(`m${number}`);
    this.#folder = folder;
  }

  get stateFolder(): string {
    return join(this.#folder, `state-${this.number}`);
  }

  async wire(): Promise<void> {
    const { host, pod, number } = this;
    host.namespace.run(() => {
      writeSysctl('net.ipv4.ip_forward', 1);
      for (const link of ['all', 'default']) writeSysctl(`net.ipv4.conf.${link}.rp_filter`, 1);
    });
    await host.run('ip', ['address', 'add', `${this.address}/24`, 'dev', 'wan']);
    await host.run('ip', ['link', 'set', 'wan', 'up']);
    await host.run('ip', ['link', 'set', 'lo', 'up']);
    host.netlink.createVeth('cni0', 'eth0', { peerNetns: pod.namespace.fd });
    await host.run('ip', ['address', 'add', `10.244.${number}.1/24`, 'dev', 'cni0']);
    await host.run('ip', ['link', 'set', 'cni0', 'up']);
    await pod.run('ip', ['address', 'add', `${this.podAddress}/24`, 'dev', 'eth0']);
    await pod.run('ip', ['link', 'set', 'eth0', 'up']);
    await pod.run('ip', ['route', 'add', 'default', 'via', `10.244.${number}.1`]);
  }

  async routeTo(others: readonly MeshNode[]): Promise<void> {
    for (const { prefix, address } of others) {
      await this.host.run('ip', ['route', 'add', prefix, 'via', address, 'dev', 'wan']);
    }
  }

  async daemon(options: ProcessOptions = {}): Promise<LitzProcess> {
    const env = { LOG_LEVEL: 'verbose' };
    const daemon = this.host.litz(['-f', this.interfaceName], {
      env,
      longestMs: LONGEST_MS,
      ...options,
    });
    await daemon.says(/serves/);
    return daemon;
  }

  /** Starts an agent whose registry is a folder. @param words more arguments */
  agent(words: readonly string[] = [], options: ProcessOptions = {}): LitzProcess {
    const directory = `file:${join(this.#folder, 'registry')}`;
    return this.agentOf(directory, words, options);
  }

  /** Starts an agent with the given registry. */
  agentOf(
    registry: string,
    words: readonly string[] = [],
    options: ProcessOptions = {},
  ): LitzProcess {
    const own = ['--registry', registry, '--node', this.name];
    const address = ['--node-ip', this.address, '--prefixes', `static:${this.prefix}`];
    const place = ['--interface', this.interfaceName, '--state-dir', this.stateFolder];
    const rest = ['--cluster-prefix', CLUSTER_PREFIX, '--control-dir', join(this.#folder, 'run')];
    return this.host.litz(['agent', ...own, ...address, ...place, ...rest, ...words], {
      longestMs: LONGEST_MS,
      ...options,
    });
  }

  /**
   * Starts an agent with Kubernetes as registry. The agent reads the prefix of its pods from
   * Kubernetes.
   */
  kubernetesAgent(
    kubeconfig: string,
    words: readonly string[] = [],
    options: ProcessOptions = {},
  ): LitzProcess {
    const registry = ['--registry', 'kubernetes', '--kubeconfig', kubeconfig, '--node', this.name];
    const place = ['--interface', this.interfaceName, '--state-dir', this.stateFolder];
    const own = ['--node-ip', this.address, '--cluster-prefix', CLUSTER_PREFIX];
    const control = ['--control-dir', join(this.#folder, 'run')];
    const all = [...registry, ...place, ...own, ...control, ...words];
    return this.host.litz(['agent', ...all], options);
  }

  /**
   * Runs a command of `litz agent`, and returns its output.
   *
   * @throws {Error} the command failed; the message is the output
   */
  async ask(...words: string[]): Promise<string> {
    const place = ['--interface', this.interfaceName, '--control-dir', join(this.#folder, 'run')];
    const asked = this.host.litz(['agent', ...place, ...words]);
    const code = await asked.end();
    if (code === 0) return asked.text;
    throw new Error(asked.text);
  }

  async status(): Promise<MeshStatus> {
    const path = controlPath(this.interfaceName, join(this.#folder, 'run'));
    return (await sendControlRequest(path, { command: 'status' })) as MeshStatus;
  }

  /** Waits until the agent knows at least `count` other nodes. */
  async knows(count: number): Promise<void> {
    await vi.waitFor(
      async () => {
        const { peers } = await this.status();
        if (peers.length < count) throw new Error(`${this.name} knows ${peers.length} of ${count}`);
      },
      { timeout: 40_000, interval: 100 },
    );
  }

  /**
   * Waits until at least `count` other nodes have answered and there are at least `count` routes to
   * peers.
   */
  async untilPeersAnswered(count: number): Promise<void> {
    await vi.waitFor(
      async () => {
        const { peers, events } = await this.status();
        const answered = peers.filter(({ state }) => state === 'connected');
        if (answered.length >= count && this.#peerRoutes() >= count) return;
        const said = events.map(({ text }) => text).join('\n');
        throw new Error(`${this.name}: ${answered.length} of ${peers.length} answered\n${said}`);
      },
      { timeout: 40_000, interval: 100 },
    );
  }

  /** Counts the routes to peers. The agent adds them one round after the answers of the peers. */
  #peerRoutes(): number {
    const { netlink } = this.host;
    const index = netlink.linkByName(this.interfaceName)?.index;
    const routes = netlink.routes().filter(({ table }) => !KERNEL_TABLES.includes(table));
    return routes.filter(({ interfaceIndex }) => interfaceIndex === index).length;
  }

  async close(): Promise<void> {
    await this.host.close();
    await this.pod.close();
  }
}

/** How long a process may run, in ms. After that, it is killed. */
const LONGEST_MS = 120_000;

export class Capture {
  readonly #sockets: readonly PacketSocket[];
  readonly #frames: string[] = [];
  readonly #buffer: Uint8Array = new Uint8Array(65_536);

  constructor(interfaceIndices: readonly number[]) {
    this.#sockets = interfaceIndices.map((index) => new PacketSocket(index));
  }

  /**
   * Returns a line for each IPv4 packet that was captured so far, such as 'udp 10.9.0.1:51871 >
   * 10.9.0.2:51871' and 'icmp 10.244.1.5 > 10.244.2.5'.
   */
  lines(): string[] {
    for (const socket of this.#sockets) {
      for (;;) {
        const length = socket.read(this.#buffer);
        if (length === 0) break;
        const line = describe(this.#buffer.subarray(0, length));
        if (line !== undefined) this.#frames.push(line);
      }
    }
    return this.#frames;
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }
}

function describe(frame: Uint8Array): string | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length < 34 || view.getUint16(12) !== 0x0800) return undefined;
  const start = 14;
  const address = (at: number): string => frame.subarray(start + at, start + at + 4).join('.');
  const [source, destination] = [address(12), address(16)];
  const protocol = PROTOCOLS[frame[start + 9] ?? 0] ?? String(frame[start + 9]);
  if (protocol === 'icmp') return `icmp ${source} > ${destination}`;
  const behind = start + (frame[start] & 15) * 4;
  return `${protocol} ${source}:${view.getUint16(behind)} > ${destination}:${view.getUint16(behind + 2)}`;
}

/** The address of the bridge, where relays listen. */
const SWITCH_ADDRESS = '10.9.0.254';
const FIRST_RELAY_PORT = 2000;
const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp' };
/** The tables main and local, where an agent adds no routes. */
const KERNEL_TABLES: readonly number[] = [254, 255];
