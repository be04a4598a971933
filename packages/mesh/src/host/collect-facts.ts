/**
 * `collectFacts`: reads the facts about the machine that the agent needs. It changes nothing.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatAddress, formatCidr, type Cidr } from '@litz/core';
import type { Link, Netlink } from '@litz/sys';
import type { Nft } from '../netfilter/nft.ts';
import type { Underlay } from '../plan/desired-host.ts';
import { tunnelAddresses } from '../plan/peer-part.ts';
import type { RoutingNumbers } from '../plan/desired-host.ts';
import { describeForeign, fromRoute, fromRule } from '../routes/to-kernel.ts';
import { readCni } from './cni-configuration.ts';
import { findUnderlay } from './find-underlay.ts';
import type { HostFacts } from './host-facts.ts';
import type { FactsRequest } from './mesh-host.ts';

export interface FactsTools {
  readonly netlink: Netlink;
  readonly nft: Pick<Nft, 'version'>;
  readonly numbers: RoutingNumbers;
  readonly sysctl: (name: string) => string | undefined;
  /** Runs the function in the network namespace of the host. */
  readonly inNamespace: <T>(run: () => T) => T;
  readonly cniFolder?: string;
  readonly flannelFile?: string;
  /** The folder that stands for `/` in the paths of configuration files; default: / */
  readonly root?: string;
}

/**
 * Reads the facts from the machine. A missing program is not an error: the facts that depend on it
 * are empty.
 *
 * @throws {Error} `nft --version` fails
 * @throws {SystemError} rtnetlink refuses to list links, addresses, routes or rules
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ADDRESS`: a text of `nodeAddresses` is not an address
 */
export async function collectFacts(request: FactsRequest, tools: FactsTools): Promise<HostFacts> {
  const { netlink, sysctl, numbers, root = '/' } = tools;
  const { interfaceName } = request;
  const links = netlink.links();
  const ours = links.find(({ name }) => name === interfaceName);
  const cni = readCni({
    links,
    folder: tools.cniFolder ?? join(root, 'etc/cni/net.d'),
    flannelFile: tools.flannelFile ?? join(root, 'run/flannel/subnet.env'),
  });
  const underlay = findUnderlay(request, netlink, links);
  const prefixes = request.prefixes ?? cni.prefixes;
  const [nft, forwardDrops] = await Promise.all([tools.nft.version(), findForwardDrops(tools)]);
  return {
    cni,
    underlay,
    prefixes,
    nft,
    forwardDrops,
    nodeAddresses: request.nodeAddresses ?? addressesOfLinks(underlay.links, netlink, links),
    foreignEncryption: links.map(({ name }) => name).filter((name) => ENCRYPTING.has(name)),
    reversePathFilters: reversePathFilters(underlay, sysctl),
    forwarding: {
      4: sysctl('net.ipv4.ip_forward') === '1',
      6: sysctl('net.ipv6.conf.all.forwarding') === '1',
    },
    networkd: findNetworkd(root),
    foreignRoutes: foreignRoutes(netlink, numbers, ours?.index),
    foreignRules: foreignRules(netlink, numbers),
    portTaken: ours ? undefined : findPort(request.port, tools),
    foreignInterface: ours && ours.kind !== 'tun' ? (ours.kind ?? 'a physical link') : undefined,
    addressTaken: takenAddresses(prefixes, netlink, links, interfaceName),
  };
}

/**
 * Returns the chains of the forward hook whose policy is to drop, such as `nft ip filter FORWARD`.
 *
 * @param text the output of `nft list chains`: tables, which contain chains, which contain a line
 *   with the hook and the policy
 */
export function dropChains(text: string): string[] {
  const drops: string[] = [];
  let table = '';
  let chain = '';
  for (const line of text.split('\n')) {
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    chain = /^\s*chain (\S+) \{/.exec(line)?.[1] ?? chain;
    if (/hook forward .*policy drop;/.test(line)) drops.push(`nft ${table} ${chain}`);
  }
  return drops;
}

function addressesOfLinks(
  names: readonly string[],
  netlink: Netlink,
  links: readonly Link[],
): string[] {
  const indices = links.filter(({ name }) => names.includes(name)).map(({ index }) => index);
  const own = netlink
    .addresses()
    .filter(({ interfaceIndex, scope }) => indices.includes(interfaceIndex) && scope === 0)
    .map(({ address }) => formatAddress(address));
  const first = (isOf: (text: string) => boolean): string[] => own.filter(isOf).slice(0, 1);
  return [...first((text) => !text.includes(':')), ...first((text) => text.includes(':'))];
}

/** For each link, the kernel uses the larger of the values for `all` and for the link. */
function reversePathFilters(
  { links, podLinks }: Underlay,
  sysctl: FactsTools['sysctl'],
): Map<string, number> {
  const valueOf = (name: string): number =>
    Number(sysctl(`net/ipv4/conf/${name}/rp_filter`) ?? NaN);
  const all = valueOf('all');
  const names = [...new Set([...links, ...podLinks])];
  return new Map(names.map((name) => [name, Math.max(all || 0, valueOf(name) || 0)]));
}

function foreignRoutes(
  netlink: Netlink,
  numbers: RoutingNumbers,
  ours: number | undefined,
): string[] {
  // Every route over another interface is foreign. No route over the interface of an earlier daemon
  // is left, because the kernel deleted these routes with the interface.
  return netlink.tableRoutes(numbers.table, (route) =>
    fromRoute(route, ours).foreign === true ? describeForeign(route) : undefined,
  );
}

function foreignRules(netlink: Netlink, numbers: RoutingNumbers): string[] {
  const { table, priority } = numbers;
  return netlink
    .rules()
    .filter((rule) => rule.table === table || rule.priority === priority)
    .filter((rule) => fromRule(rule, numbers) === undefined)
    .map((rule) => `IPv${rule.family} rule of priority ${rule.priority} to table ${rule.table}`);
}

function takenAddresses(
  prefixes: readonly Readonly<Cidr>[],
  netlink: Netlink,
  links: readonly Link[],
  interfaceName: string,
): string[] {
  const wanted = new Set(tunnelAddresses(prefixes).map(({ address }) => formatAddress(address)));
  return netlink.addresses().flatMap(({ address, prefixLength, interfaceIndex }) => {
    const name = links.find(({ index }) => index === interfaceIndex)?.name;
    if (name === interfaceName || !wanted.has(formatAddress(address))) return [];
    return [`${name} ${formatCidr({ address, prefixLength })}`];
  });
}

/**
 * Returns a text such as `UDP port 51871` if a socket uses the port. A line of /proc/net/udp has
 * the local address in hexadecimal, a colon, and the port in hexadecimal.
 */
function findPort(port: number, { inNamespace }: FactsTools): string | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = ['udp', 'udp6'].flatMap((name) => {
    try {
      const text = inNamespace(() => readFileSync(`/proc/thread-self/net/${name}`, 'utf8'));
      return text.split('\n').map((line) => `${name} ${line}`);
    } catch {
      return [];
    }
  });
  const taken = lines.find((line) => new RegExp(`^udp6? +\\d+: [0-9A-F]+:${hex} `).test(line));
  return taken === undefined ? undefined : `UDP port ${port}`;
}

/**
 * Looks at the chains of nftables and at the chains of iptables-legacy. The chains of iptables-nft
 * are chains of nftables.
 */
async function findForwardDrops(tools: FactsTools): Promise<string[]> {
  const nft = await output(tools, 'nft', ['list', 'chains']);
  const legacy = await Promise.all(
    [
      ['ip_tables_names', 'iptables-legacy'],
      ['ip6_tables_names', 'ip6tables-legacy'],
    ].map(async ([names, program]) => {
      const tables = tools.inNamespace(() => readText(`/proc/thread-self/net/${names}`));
      if (!/^filter$/m.test(tables)) return [];
      const rules = await output(tools, program!, ['-S', 'FORWARD']);
      return /^-P FORWARD DROP/m.test(rules) ? [`${program} FORWARD`] : [];
    }),
  );
  return [...dropChains(nft), ...legacy.flat()];
}

function findNetworkd(root: string): HostFacts['networkd'] {
  if (!existsSync(join(root, 'run/systemd/netif/links'))) return 'absent';
  const folder = join(root, 'etc/systemd/networkd.conf.d');
  const files = [join(root, 'etc/systemd/networkd.conf'), ...filesIn(folder)];
  const text = files.map(readText).join('\n');
  const isSwitchedOff = (key: string): boolean =>
    new RegExp(`^${key}\\s*=\\s*(no|false|off|0)`, 'm').test(text);
  const keeps =
    isSwitchedOff('ManageForeignRoutingPolicyRules') && isSwitchedOff('ManageForeignRoutes');
  return keeps ? 'keeps-foreign' : 'deletes-foreign';
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.conf'))
      .toSorted()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Returns the standard output. It is empty if the program is missing or wrote nothing. */
function output(tools: FactsTools, program: string, words: string[]): Promise<string> {
  return new Promise((resolve) => {
    tools.inNamespace(() =>
      execFile(program, words, { timeout: LONGEST_MS }, (_error, text) => resolve(text ?? '')),
    );
  });
}

/** A program is ended after this many milliseconds. */
const LONGEST_MS = 5000;
/** Names of the links that other programs make to encrypt the pod network. */
const ENCRYPTING: ReadonlySet<string> = new Set([
  'flannel-wg',
  'flannel-wg-v6',
  'wireguard.cali',
  'wg-v6.cali',
  'cilium_wg0',
  'kubespan',
  'kilo0',
]);
