/**
 * `Wire`: the bridge between the nodes, which counts the packets that cross it. The kernel counts
 * at the ingress of the ports, so it misses no packet at any speed.
 *
 * @module
 */
import type { TestNamespace } from './test-namespace.ts';

/** Packets since the last `plug` or `reset`. */
export interface WireCounts {
  /** Packets in plaintext with the address of a pod. */
  readonly plaintext: number;
  /** Packets of VXLAN, which does not encrypt. */
  readonly vxlan: number;
  /** UDP datagrams of the data plane. */
  readonly wireguard: number;
  /** Packets between nodes, except the data plane, VXLAN, neighbour discovery and ICMP errors. */
  readonly nodes: number;
  readonly fragments: number;
  /** The addresses of packets in plaintext, for the message of a failure. */
  readonly leaks: string;
}

export class Wire {
  readonly #namespace: TestNamespace;
  readonly #ports: string[] = [];

  /** @param namespace the namespace that has the bridge */
  constructor(namespace: TestNamespace) {
    this.#namespace = namespace;
    namespace.run('ip', 'link', 'add', 'br0', 'type', 'bridge');
    namespace.run('ip', 'link', 'set', 'br0', 'up', 'mtu', String(LARGEST_MTU));
  }

  /** Connects a namespace to the bridge. The link in the namespace is eth0. */
  plug(port: string, target: TestNamespace, mtu: number): void {
    const { pid } = target;
    this.#namespace.ip(
      `link add ${port} mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${pid}`,
    );
    this.#namespace.run('ip', 'link', 'set', port, 'master', 'br0', 'up');
    this.#ports.push(port);
    this.#count();
  }

  reset(): void {
    this.#namespace.run('nft', 'reset', 'counters', 'table', 'netdev', 'wire');
    this.#namespace.run('nft', 'flush', 'set', 'netdev', 'wire', 'leaks4');
    this.#namespace.run('nft', 'flush', 'set', 'netdev', 'wire', 'leaks6');
  }

  counts(): WireCounts {
    const text = this.#namespace.run('nft', '-j', 'list', 'counters', 'table', 'netdev', 'wire');
    const { nftables } = JSON.parse(text) as {
      nftables: { counter?: { name: string; packets: number } }[];
    };
    const counts = nftables.flatMap(({ counter }) => (counter ? [counter] : []));
    const packets = Object.fromEntries(counts.map((one) => [one.name, one.packets]));
    return { ...packets, leaks: this.#leaks() } as WireCounts;
  }

  #leaks(): string {
    return ['leaks4', 'leaks6']
      .flatMap((name) => {
        const text = this.#namespace.run('nft', 'list', 'set', 'netdev', 'wire', name);
        return /elements = (\{[^}]*\})/.exec(text)?.[1] ?? [];
      })
      .join(' ');
  }

  #count(): void {
    const chains = this.#ports.map(
      (port) =>
        `chain ${port} { type filter hook ingress device "${port}" priority 0;\n${RULES}\n}`,
    );
    const names = ['plaintext', 'vxlan', 'wireguard', 'nodes', 'fragments'];
    const counters = names.map((name) => `counter ${name} { }`);
    const sets = [4, 6].map(
      (family) =>
        `set leaks${family} { type ipv${family}_addr . ipv${family}_addr . inet_proto; flags dynamic; size 64; }`,
    );
    this.#namespace.input(
      'nft',
      [
        'table netdev wire',
        'delete table netdev wire',
        'table netdev wire {',
        ...counters,
        ...sets,
        ...chains,
        '}',
      ].join('\n'),
    );
  }
}

export const PODS4 = '10.244.0.0/16';
export const PODS6 = 'fd44::/48';
const RULES = [
  `ip saddr ${PODS4} counter name plaintext update @leaks4 { ip saddr . ip daddr . ip protocol }`,
  `ip saddr != ${PODS4} ip daddr ${PODS4} counter name plaintext update @leaks4 { ip saddr . ip daddr . ip protocol }`,
  `ip6 saddr ${PODS6} counter name plaintext update @leaks6 { ip6 saddr . ip6 daddr . ip6 nexthdr }`,
  `ip6 saddr != ${PODS6} ip6 daddr ${PODS6} counter name plaintext update @leaks6 { ip6 saddr . ip6 daddr . ip6 nexthdr }`,
  'udp dport 8472 counter name vxlan',
  'ip frag-off & 0x3fff != 0 counter name fragments',
  'exthdr frag exists counter name fragments',
  'udp dport 51871 counter name wireguard return',
  'udp dport 8472 return',
  'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report, mld2-listener-report, destination-unreachable } return',
  'icmp type destination-unreachable return',
  'ip saddr 192.168.50.0/24 ip daddr 192.168.50.0/24 counter name nodes',
  'ip6 saddr fd50::/64 ip6 daddr fd50::/64 counter name nodes',
].join('\n');
/** The MTU of the bridge in bytes. The ports have smaller ones. */
const LARGEST_MTU = 9500;
