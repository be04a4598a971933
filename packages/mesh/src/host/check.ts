/**
 * `checkHost`: checks whether a mode can work on this machine. It returns one line for each subject that was
 * checked. It is pure, and it runs before the agent changes anything.
 *
 * @module
 */
import { formatCidr, parseAddress, type Cidr } from '@litz/core';
import type { EncryptMode, Enforcement } from '../plan/desired-host.ts';
import { covers, hostPrefix } from '../record/cidr-relations.ts';
import type { CniFamily, HostFacts } from './host-facts.ts';

/** The settings that the check compares with the machine. */
export interface CheckRequest {
  readonly mode: EncryptMode;
  readonly enforcement: Enforcement;
  readonly clusterPrefixes: readonly Readonly<Cidr>[];
  readonly port: number;
  readonly interfaceName: string;
  readonly table: number;
  readonly priority: number;
}

/**
 * The result for one subject. `ok`: nothing is wrong. `note`: the mesh works, but the user should know this.
 * `refused`: the settings can't work on this machine.
 */
export interface CheckLine {
  /** `CNI`, `nft`, ... */
  readonly subject: string;
  readonly state: 'ok' | 'note' | 'refused';
  readonly text: string;
  /** What the user can do; undefined where there is nothing to do. */
  readonly remedy?: string;
}

/** Returns one line for each subject: first the network around the node, then the node's own settings. */
export function checkHost(facts: HostFacts, request: CheckRequest): CheckLine[] {
  return [
    checkCni(facts, request),
    checkPrefixes(facts, request),
    checkCluster(facts, request),
    checkEncryption(facts),
    checkUnderlay(facts, request),
    checkFilters(facts),
    checkForwarding(facts),
    checkNetworkd(facts),
    checkNft(facts, request),
    checkTable(facts, request),
    checkPriority(facts, request),
    checkInterface(facts, request),
    checkPort(facts, request),
    checkAddress(facts, request),
  ];
}

/** Whether the settings can work on this machine: no line is `refused`. */
export function holds(lines: readonly CheckLine[]): boolean {
  return lines.every(({ state }) => state !== 'refused');
}

/** Returns the line as text for a terminal, without a line end. */
export function formatCheckLine({ subject, state, text, remedy }: CheckLine): string {
  const mark = { ok: 'ok     ', note: 'note   ', refused: 'REFUSED' }[state];
  return `${mark} ${subject}: ${text}${remedy === undefined ? '' : `. ${remedy}`}`;
}

function checkCni({ cni, prefixes }: HostFacts, { mode, enforcement }: CheckRequest): CheckLine {
  const subject = 'CNI';
  const { family, file, network, plugins, trouble } = cni;
  if (trouble !== undefined) {
    return {
      subject,
      state: 'note',
      text: trouble,
      remedy: 'Correct that file, or set --prefixes static:CIDR',
    };
  }
  if (family === 'none') {
    const text = 'no configuration in /etc/cni/net.d yet';
    const remedy = 'The routes and rules of the agent stay valid when a CNI is installed later';
    return { subject, state: 'note', text, remedy };
  }
  const name = `${NAMES[family]}${network === undefined ? '' : ` (network ${network}: ${plugins.join(', ')})`}`;
  if (family === 'cilium-native') {
    const remedy = "Use Cilium's own encryption, or use Cilium with an overlay and --encrypt nodes";
    return {
      subject,
      state: 'refused',
      text: `${name}: packets of its pods do not use the routes of the host`,
      remedy,
    };
  }
  if (BY_NODES_ONLY.has(family) && mode === 'pods') {
    const text = `${name}: the host sees packets of its pods only as packets between nodes`;
    return { subject, state: 'refused', text, remedy: 'Use --encrypt nodes or --encrypt all' };
  }
  if (family === 'aws-vpc' && (enforcement === 'enforce' || prefixes.length === 0)) {
    const text = `${name}: pods have addresses from the subnet of the nodes, and no prefix belongs to one node`;
    const remedy =
      'If the pods of each node have their own subnet, set --prefixes static:CIDR and --enforcement permissive';
    return { subject, state: 'refused', text, remedy };
  }
  if (family === 'calico') {
    const text = `${name}: the prefixes of a node are its IPAM blocks`;
    const remedy =
      'Use --prefixes calico, and set strictAffinity in its IPAM: without it, a pod may get an address from the block of another node';
    return { subject, state: 'note', text, remedy };
  }
  if (family === 'unknown') {
    const text = `${name}: Litz does not know the plugins ${plugins.join(', ')} in ${file}`;
    return {
      subject,
      state: 'note',
      text,
      remedy: 'Run `litz agent verify` to see whether their packets use the routes of the host',
    };
  }
  return { subject, state: 'ok', text: name };
}

function checkPrefixes({ prefixes, cni }: HostFacts, { mode }: CheckRequest): CheckLine {
  const subject = 'own prefixes';
  if (prefixes.length > 0)
    return { subject, state: 'ok', text: prefixes.map(formatCidr).join(', ') };
  if (mode !== 'pods' && BY_NODES_ONLY.has(cni.family)) {
    return { subject, state: 'ok', text: 'none: encryption of the nodes covers their pods' };
  }
  const text = 'the configuration of the CNI names none';
  const remedy = 'Set --prefixes static:CIDR,... or, with Kubernetes, --prefixes node';
  return { subject, state: 'refused', text, remedy };
}

function checkCluster(facts: HostFacts, request: CheckRequest): CheckLine {
  const subject = 'cluster prefixes';
  const { clusterPrefixes, enforcement } = request;
  if (clusterPrefixes.length === 0 && enforcement === 'enforce') {
    const text = 'none are set, and enforce needs them to know which packets to stop';
    return { subject, state: 'refused', text, remedy: 'Set --cluster-prefix CIDR' };
  }
  const captured = [...clusterPrefixes, ...facts.prefixes];
  const node = facts.nodeAddresses.find((text) =>
    captured.some((prefix) => covers(prefix, hostPrefix(parseAddress(text)))),
  );
  if (node !== undefined) {
    const text = `the node's address ${node} is in a prefix of pods, so the tunnel's own packets would loop`;
    const remedy = 'Use different prefixes for nodes and for pods';
    return { subject, state: 'refused', text, remedy };
  }
  const outside = facts.prefixes.find(
    (prefix) =>
      clusterPrefixes.some(({ address }) => address.length === prefix.address.length) &&
      !clusterPrefixes.some((wide) => covers(wide, prefix)),
  );
  if (outside) {
    const text = `the prefix ${formatCidr(outside)} of this node is in none of them`;
    const state = enforcement === 'enforce' ? 'refused' : 'note';
    return { subject, state, text, remedy: 'Set a --cluster-prefix that contains it' };
  }
  const text = clusterPrefixes.length > 0 ? clusterPrefixes.map(formatCidr).join(', ') : 'not set';
  return { subject, state: 'ok', text };
}

function checkEncryption({ foreignEncryption }: HostFacts): CheckLine {
  const subject = 'other encryption';
  if (foreignEncryption.length === 0) return { subject, state: 'ok', text: 'none' };
  const text = `${foreignEncryption.join(', ')} encrypts already; encryption twice is slow, and packets exceed the MTU`;
  return {
    subject,
    state: 'refused',
    text,
    remedy: 'Switch that encryption off, or do not use Litz',
  };
}

function checkUnderlay({ underlay, cni }: HostFacts, { mode }: CheckRequest): CheckLine {
  const subject = 'underlay';
  const { links, mtu } = underlay;
  if (links.length === 0 || mtu === undefined) {
    const text = 'no route leads to the other nodes';
    return { subject, state: 'note', text, remedy: 'Look at `ip route`' };
  }
  const text = `${links.join(', ')}, MTU ${mtu}`;
  const isOverlay = cni.family === 'overlay' || BY_NODES_ONLY.has(cni.family);
  if (mode === 'pods' || !isOverlay) return { subject, state: 'ok', text };
  const largest = mtu - LARGEST_OVERHEAD - OVERLAY_OVERHEAD;
  const remedy = `The overlay runs inside the tunnel: set its MTU in the CNI to ${largest} at most`;
  return { subject, state: 'note', text, remedy };
}

function checkFilters({ reversePathFilters }: HostFacts): CheckLine {
  const subject = 'rp_filter';
  const strict = [...reversePathFilters].filter(([, value]) => value === 1).map(([name]) => name);
  if (strict.length === 0) return { subject, state: 'ok', text: 'not strict' };
  const text = `strict on ${strict.join(', ')}; the agent sets it to loose (2), and \`litz agent down\` restores it`;
  return { subject, state: 'note', text };
}

function checkForwarding({ forwardDrops, forwarding, prefixes }: HostFacts): CheckLine {
  const subject = 'forwarding';
  const families = prefixes.some(({ address }) => address.length === 16)
    ? ([4, 6] as const)
    : ([4] as const);
  const off = families.filter((family) => !forwarding[family]).map((family) => `IPv${family}`);
  if (off.length > 0) {
    const text = `${off.join(' and ')} packets are not forwarded, so no pod can be reached`;
    const remedy =
      'If the CNI does not switch it on, run `sysctl net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1`';
    return { subject, state: 'note', text, remedy };
  }
  if (forwardDrops.length === 0) {
    return { subject, state: 'ok', text: 'no chain drops packets by default' };
  }
  const text = `${forwardDrops.join(', ')} drops every packet that no rule accepts`;
  const remedy =
    "Add rules there that accept packets from and to the pods, also on the tunnel's interface";
  return { subject, state: 'note', text, remedy };
}

function checkNetworkd({ networkd }: HostFacts): CheckLine {
  const subject = 'systemd-networkd';
  if (networkd === 'absent') return { subject, state: 'ok', text: 'does not run' };
  if (networkd === 'keeps-foreign')
    return { subject, state: 'ok', text: 'keeps rules and routes of other programs' };
  const text =
    'deletes rules and routes of other programs; it keeps those of Litz, because they have the protocol number of the kernel';
  const remedy =
    'To be sure, set ManageForeignRoutingPolicyRules=no and ManageForeignRoutes=no in networkd.conf';
  return { subject, state: 'note', text, remedy };
}

function checkNft({ nft }: HostFacts, { enforcement }: CheckRequest): CheckLine {
  const subject = 'nft';
  if (nft !== undefined) return { subject, state: 'ok', text: nft };
  const remedy = 'Install the package nftables';
  if (enforcement === 'enforce') {
    return {
      subject,
      state: 'refused',
      text: 'the program is missing, and enforce needs it',
      remedy,
    };
  }
  const text = 'the program is missing, so there is no SNAT and no MSS clamp';
  return { subject, state: 'note', text, remedy };
}

function checkTable({ foreignRoutes }: HostFacts, { table }: CheckRequest): CheckLine {
  const subject = `table ${table}`;
  if (foreignRoutes.length === 0) return { subject, state: 'ok', text: 'free' };
  const text = `has routes of another program: ${foreignRoutes.join('; ')}`;
  return { subject, state: 'refused', text, remedy: `See \`ip route show table ${table}\`` };
}

function checkPriority({ foreignRules }: HostFacts, { priority }: CheckRequest): CheckLine {
  const subject = `priority ${priority}`;
  if (foreignRules.length === 0) return { subject, state: 'ok', text: 'free' };
  const text = `has rules of another program: ${foreignRules.join('; ')}`;
  return { subject, state: 'refused', text, remedy: 'See `ip rule` and `ip -6 rule`' };
}

function checkInterface(
  { foreignInterface }: HostFacts,
  { interfaceName }: CheckRequest,
): CheckLine {
  const subject = `interface ${interfaceName}`;
  if (foreignInterface === undefined)
    return { subject, state: 'ok', text: 'free, or used by the daemon' };
  const text = `exists already, and it is not a TUN device; its kind is ${foreignInterface}`;
  return { subject, state: 'refused', text, remedy: 'Set --interface NAME to another name' };
}

function checkPort({ portTaken }: HostFacts, { port }: CheckRequest): CheckLine {
  const subject = `port ${port}`;
  if (portTaken === undefined) return { subject, state: 'ok', text: 'free, or used by the daemon' };
  const remedy = 'Set --port PORT to another port, and use the same port on all nodes';
  return { subject, state: 'refused', text: `another program uses ${portTaken}`, remedy };
}

function checkAddress({ addressTaken }: HostFacts, { interfaceName }: CheckRequest): CheckLine {
  const subject = 'address';
  if (addressTaken.length === 0) return { subject, state: 'ok', text: `free for ${interfaceName}` };
  const text = `${addressTaken.join(', ')} has the tunnel's address too; it may be left from an overlay that is no longer used`;
  return { subject, state: 'note', text };
}

const NAMES: Readonly<Record<CniFamily, string>> = {
  routed: 'routes for each node',
  overlay: 'an overlay',
  calico: 'Calico',
  'cilium-overlay': 'Cilium with an overlay',
  'cilium-native': 'Cilium with native routing',
  'aws-vpc': 'AWS VPC CNI',
  azure: 'Azure CNI',
  ovn: 'OVN-Kubernetes',
  antrea: 'Antrea',
  none: 'none',
  unknown: 'unknown',
};
/** Packets of pods of these CNIs never use the routes of the host. */
const BY_NODES_ONLY: ReadonlySet<CniFamily> = new Set(['cilium-overlay', 'ovn', 'antrea']);
/** The tunnel's largest overhead in bytes: IPv6 40, UDP 8, header and tag of the message 32. */
const LARGEST_OVERHEAD = 80;
/** Bytes that VXLAN over IPv4 adds to a packet. */
const OVERLAY_OVERHEAD = 50;
