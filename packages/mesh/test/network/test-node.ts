/**
 * `TestNode`: a node of the network with its pods, its CNI and, if it is started, its daemon.
 *
 * @module
 */
import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAddress, parseCidr, type Cidr } from '@litz/core';
import type { NetworkNamespace } from '@litz/sys';
import { LinuxHost, type OwnNode, type RoutedPeer } from '../../src/index.ts';
import { TestNamespace } from './test-namespace.ts';

export interface Pod {
  readonly name: string;
  readonly address: string;
  readonly address6: string;
}

export interface NodeOptions {
  readonly cni: 'bridge' | 'ptp';
  readonly overlay: 'none' | 'vxlan';
  readonly reversePathFilter: 0 | 1 | 2;
  /** Family of the datagrams between the nodes. */
  readonly outer: 4 | 6;
  /** Families of the pods' addresses. */
  readonly inner: 4 | 6 | 'dual';
  /** The MTU of the pods' links. */
  readonly podMtu: number;
}

export interface PingOptions {
  /** Default: 3. */
  readonly count?: number;
  /** How long to wait for the answers, from the first ping on. Default: `WAIT_SECONDS`. */
  readonly waitSeconds?: number;
}

/** Options of pings that must get no answer. */
export const UNANSWERED: PingOptions = { waitSeconds: 1 };

export class TestNode {
  readonly number: number;
  readonly namespace: TestNamespace;
  readonly address: string;
  readonly address6: string;
  readonly pods: Pod[] = [];
  readonly privateKey: string;
  readonly publicKey: string;
  readonly #options: NodeOptions;
  readonly #closers: (() => void)[] = [];
  #daemon: ChildProcess | undefined = undefined;

  static async create(number: number, folder: string, options: NodeOptions): Promise<TestNode> {
    mkdirSync(folder, { recursive: true });
    const namespace = await TestNamespace.create(folder, OWN_FOLDERS);
    return new TestNode(number, namespace, options);
  }

  private constructor(number: number, namespace: TestNamespace, options: NodeOptions) {
    this.number = number;
    this.namespace = namespace;
    this.#options = options;
    this.address = `192.168.50.${10 + number}`;
    this.address6 = `fd50::${10 + number}`;
    this.privateKey = execFileSync('wg', ['genkey'], { encoding: 'utf8' }).trim();
    this.publicKey = execFileSync('wg', ['pubkey'], {
      encoding: 'utf8',
      input: this.privateKey,
    }).trim();
    writeFileSync(join(namespace.folder, 'key'), this.privateKey, { mode: 0o600 });
  }

  get prefixes(): Cidr[] {
    return this.#subnets.map(parseCidr);
  }

  /** The prefixes of the node's pods. */
  get #subnets(): string[] {
    const { inner } = this.#options;
    const all = [`10.244.${this.number}.0/24`, `fd44:0:0:${this.number}::/64`];
    if (inner === 'dual') return all;
    return inner === 4 ? all.slice(0, 1) : all.slice(1);
  }

  /** The address of the node in the family of the datagrams. */
  get endpointAddress(): string {
    return this.#options.outer === 6 ? this.address6 : this.address;
  }

  /** The node as a peer of the other nodes. */
  get peer(): RoutedPeer {
    return {
      name: `node-${this.number}`,
      endpoint: { address: parseAddress(this.endpointAddress) },
      addresses: [this.address, this.address6],
      prefixes: this.prefixes,
      encryptsNode: true,
    };
  }

  get own(): OwnNode {
    return {
      prefixes: this.prefixes,
      addresses: [this.address, this.address6],
      encryptsNode: true,
    };
  }

  /** Configures the link after it was connected to the bridge. */
  configure(): void {
    const { namespace } = this;
    const filter = this.#options.reversePathFilter;
    const parameters = ['all', 'default', 'eth0'].map(
      (name) => `net.ipv4.conf.${name}.rp_filter=${filter}`,
    );
    const forwarding = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'];
    namespace.run('sysctl', '-qw', ...parameters, ...forwarding);
    namespace.ip(`address add ${this.address}/24 dev eth0`);
    namespace.ip(`-6 address add ${this.address6}/64 dev eth0 nodad`);
    namespace.ip('link set eth0 up');
  }

  /** Writes the CNI configuration, which `addPod` needs. */
  installCni(): void {
    const { namespace } = this;
    const subnets = this.#subnets;
    const ipam = {
      type: 'host-local',
      ranges: subnets.map((subnet) => [{ subnet }]),
      routes: subnets.map((subnet) => ({ dst: subnet.includes(':') ? '::/0' : '0.0.0.0/0' })),
    };
    const common = { ipam, mtu: this.#options.podMtu };
    const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true };
    const plugin = { ...(this.#options.cni === 'bridge' ? bridge : { type: 'ptp' }), ...common };
    const portmap = { type: 'portmap', capabilities: { portMappings: true } };
    const configuration = { cniVersion: '1.0.0', name: 'pods', plugins: [plugin, portmap] };
    const file = join(namespace.folder, '/etc/cni/net.d/10-pods.conflist');
    writeFileSync(file, JSON.stringify(configuration));
  }

  /** Makes a pod: a namespace that the real CNI plugins connect to the node. */
  addPod(): Pod {
    const { namespace } = this;
    const name = `pod${this.pods.length + 1}`;
    namespace.ip(`netns add ${name}`);
    namespace.ip(`-n ${name} link set lo up`);
    const text = namespace.run(...this.#cnitool('add', name));
    const { ips } = JSON.parse(text) as { ips: { address: string }[] };
    const addresses = ips.map((ip) => ip.address.split('/')[0] ?? '');
    namespace.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    const pod = {
      name,
      address: addresses.find((address) => !address.includes(':')) ?? '',
      address6: addresses.find((address) => address.includes(':')) ?? '',
    };
    this.pods.push(pod);
    return pod;
  }

  removePod({ name }: Pod): void {
    this.namespace.run(...this.#cnitool('del', name));
    this.namespace.ip(`netns del ${name}`);
    this.pods.splice(
      this.pods.findIndex((pod) => pod.name === name),
      1,
    );
  }

  /** Adds routes to the pods of another node, like flannel. Only IPv4 packets use an overlay. */
  routeTo(other: TestNode): void {
    const { namespace } = this;
    namespace.ip(`-6 route replace fd44:0:0:${other.number}::/64 via ${other.address6} dev eth0`);
    if (this.#options.overlay === 'none') {
      namespace.ip(`route replace 10.244.${other.number}.0/24 via ${other.address} dev eth0`);
      return;
    }
    this.#vtep();
    const mac = `02:00:00:00:00:${10 + other.number}`;
    namespace.ip(
      `neigh replace 10.244.${other.number}.0 lladdr ${mac} dev flannel.1 nud permanent`,
    );
    namespace.run('sh', '-c', `/sbin/bridge fdb replace ${mac} dev flannel.1 dst ${other.address}`);
    namespace.ip(
      `route replace 10.244.${other.number}.0/24 via 10.244.${other.number}.0 dev flannel.1 onlink`,
    );
  }

  /** Starts `litz litz0`, and sets its port and key. */
  async startDaemon(options: { readonly mark?: number } = {}): Promise<void> {
    const daemon = this.namespace.start(process.execPath, LITZ, '-f', 'litz0');
    this.#daemon = daemon;
    let text = '';
    for (const stream of [daemon.stdout, daemon.stderr]) {
      stream?.setEncoding('utf8').on('data', (more: string) => (text += more));
    }
    const socket = join(this.namespace.folder, '/var/run/wireguard/litz0.sock');
    await until(() => {
      if (daemon.exitCode !== null) throw new Error(`the daemon ended: ${text}`);
      return existsSync(socket);
    }, DAEMON_START_MS);
    this.wg(
      'set',
      'litz0',
      'listen-port',
      '51871',
      'private-key',
      join(this.namespace.folder, 'key'),
    );
    if (options.mark) this.wg('set', 'litz0', 'fwmark', String(options.mark));
  }

  /**
   * Configures another node as a peer of the daemon, as an agent would: key, endpoint and prefixes.
   */
  addPeer(other: TestNode): void {
    const allowed = [
      `10.244.${other.number}.0/24`,
      `fd44:0:0:${other.number}::/64`,
      `${other.address}/32`,
      `${other.address6}/128`,
    ];
    const address = other.endpointAddress;
    const endpoint = address.includes(':') ? `[${address}]:51871` : `${address}:51871`;
    this.wg(
      'set',
      'litz0',
      'peer',
      other.publicKey,
      'endpoint',
      endpoint,
      'allowed-ips',
      allowed.join(','),
    );
  }

  wg(...words: string[]): string {
    return this.namespace.run('wg', ...words);
  }

  /** Kills the daemon with SIGKILL. Resolves when it has ended. */
  async killDaemon(): Promise<void> {
    const daemon = this.#daemon;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await ended;
    // A killed daemon leaves its socket file, so the file is removed here.
    rmSync(join(this.namespace.folder, '/var/run/wireguard/litz0.sock'), { force: true });
  }

  /** Opens the real `LinuxHost` of this node in this process. It is closed with the network. */
  async openHost(): Promise<LinuxHost> {
    const namespace: NetworkNamespace = this.namespace.openNamespace();
    const host = await namespace.run(() =>
      LinuxHost.open({
        runtimeFolder: join(this.namespace.folder, '/run/litz'),
        cniFolder: join(this.namespace.folder, '/etc/cni/net.d'),
      }),
    );
    this.#closers.push(() => {
      host.close();
      namespace.close();
    });
    return host;
  }

  /** Sends pings from a pod of this node. @returns how many were answered */
  ping(
    pod: Pod,
    address: string,
    options: PingOptions & { size?: number; whole?: boolean } = {},
  ): number {
    const { count = 3, waitSeconds = WAIT_SECONDS, size = 56, whole = false } = options;
    const from = `ip netns exec ${pod.name} `;
    const more = `-s ${size}${whole ? ' -M do' : ''}`;
    return this.#answered(`${from}ping ${more} ${address}`, count, waitSeconds);
  }

  /** Sends pings from the node itself. */
  pingFromNode(address: string, options: PingOptions = {}): number {
    const { count = 3, waitSeconds = WAIT_SECONDS } = options;
    return this.#answered(`ping ${address}`, count, waitSeconds);
  }

  /** Runs a program in a pod. */
  inPod({ name }: Pod, program: string, ...words: string[]): string {
    return this.namespace.run('ip', 'netns', 'exec', name, program, ...words);
  }

  startInPod({ name }: Pod, program: string, ...words: string[]): ChildProcess {
    return this.namespace.start('ip', 'netns', 'exec', name, program, ...words);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.toReversed()) close();
    // The pods' namespaces are mounted only in the mount namespace of this node, so they end too.
    await this.namespace.close();
  }

  /**
   * Returns how many of the first `count` pings were answered. With `-w`, `ping` sends pings until
   * it has `count` answers or the time is over. Without `-w`, `ping` would wait for the last answer
   * for only two round trips, which is too short on a busy machine.
   */
  #answered(ping: string, count: number, waitSeconds: number): number {
    const command = `${ping} -c ${count} -w ${waitSeconds} -i 0.05 || true`;
    const text = this.namespace.run('sh', '-c', command);
    const sequences = [...text.matchAll(/ from .* icmp_seq=(\d+) ttl=/g)].map(([, n]) => Number(n));
    return new Set(sequences.filter((sequence) => sequence <= count)).size;
  }

  #vtep(): void {
    const { namespace, number } = this;
    if (namespace.tries('ip', 'link', 'show', 'flannel.1')) return;
    const mac = `02:00:00:00:00:${10 + number}`;
    namespace.ip(
      `link add flannel.1 type vxlan id 1 dev eth0 local ${this.address} dstport 8472 nolearning`,
    );
    namespace.ip(`link set flannel.1 address ${mac} up mtu 1450`);
    namespace.ip(`address add 10.244.${number}.0/32 dev flannel.1`);
    const filter = `net.ipv4.conf.flannel/1.rp_filter=${this.#options.reversePathFilter}`;
    namespace.run('sysctl', '-qw', filter);
  }

  #cnitool(action: 'add' | 'del', name: string): [string, ...string[]] {
    const environment = [`CNI_PATH=${cniFolder()}`, 'NETCONFPATH=/etc/cni/net.d'];
    return ['env', ...environment, 'cnitool', action, 'pods', `/run/netns/${name}`];
  }
}

/**
 * Returns the folder of the CNI plugins, where `cnitool` is too. This folder need not be on the PATH,
 * because its plugin `bridge` would hide the program `bridge` of iproute2. The PATH may have a link
 * to `cnitool` instead.
 */
export function cniFolder(): string {
  const path = execFileSync('sh', ['-c', 'command -v cnitool'], { encoding: 'utf8' }).trim();
  return dirname(realpathSync(path));
}

/** Polls until the condition is true, for a limited time. For things that no event reports. */
export async function until(condition: () => boolean, longestMs = 10_000): Promise<void> {
  const end = performance.now() + longestMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error('the condition did not become true in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** In seconds. It is long, because a busy machine answers late. */
const WAIT_SECONDS = 3;
/** In ms: a busy machine needs long to start a program. */
const DAEMON_START_MS = 30_000;
/** The path of the built `litz` program. */
export const LITZ: string = fileURLToPath(new URL('../../../cli/bin/litz.js', import.meta.url));
const OWN_FOLDERS = [
  '/var/run/wireguard',
  '/etc/cni/net.d',
  '/var/lib/cni',
  '/var/lib/litz',
  '/run/netns',
  '/run/litz',
  '/run/flannel',
];
