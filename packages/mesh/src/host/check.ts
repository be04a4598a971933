/**
 * `checkHost`: whether a mode can hold on this machine, one line for each thing that may be in the way.
 * Pure, and nothing has been changed when it is asked.
 *
 * @module
 */
import { formatCidr, parseAddress, type Cidr } from '@litz/core';
import type { EncryptMode, Enforcement } from '../plan/desired-host.ts';
import { covers, hostPrefix } from '../record/cidr-relations.ts';
import type { CniFamily, HostFacts } from './host-facts.ts';

/** What is asked for. */
export interface CheckRequest {
  readonly mode: EncryptMode;
  readonly enforcement: Enforcement;
  readonly clusterPrefixes: readonly Readonly<Cidr>[];
  readonly port: number;
  readonly interfaceName: string;
  readonly table: number;
  readonly priority: number;
}

/** `ok`; `note`: it works, and this is worth knowing; `refused`: what is asked for can't hold. */
export interface CheckLine {
  /** `CNI`, `nft`, ... */
  readonly subject: string;
  readonly state: 'ok' | 'note' | 'refused';
  readonly text: string;
  /** What to do; undefined where there is nothing to do. */
  readonly remedy?: string;
}

/** Every subject once, in an order that goes from the outside in. */
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

/** Whether what is asked for can hold. */
export function holds(lines: readonly CheckLine[]): boolean {
  return lines.every(({ state }) => state !== 'refused');
}

/** One line of text for a terminal. */
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
      remedy: 'Mend that file, or give --prefixes static:CIDR',
    };
  }
  if (family === 'none') {
    const text = 'no configuration in /etc/cni/net.d yet';
    return { subject, state: 'note', text, remedy: 'What is laid now holds when the CNI comes' };
  }
  const name = `${NAMES[family]}${network === undefined ? '' : ` (network ${network}: ${plugins.join(', ')})`}`;
  if (family === 'cilium-native') {
    const remedy =
      'Use the encryption of Cilium itself, or Cilium with an overlay and --encrypt nodes';
    return {
      subject,
      state: 'refused',
      text: `${name}: its pods' packets pass by all routes of the host`,
      remedy,
    };
  }
  if (BY_NODES_ONLY.has(family) && mode === 'pods') {
    const text = `${name}: its pods' packets are seen only as packets between nodes`;
    return { subject, state: 'refused', text, remedy: 'Use --encrypt nodes or --encrypt all' };
  }
  if (family === 'aws-vpc' && (enforcement === 'enforce' || prefixes.length === 0)) {
    const text = `${name}: pods have addresses of the subnet of the nodes, and a node has no prefix of its own`;
    const remedy =
      'It can hold only where pods have a subnet of their own: give --prefixes static:CIDR and stay permissive';
    return { subject, state: 'refused', text, remedy };
  }
  if (family === 'calico') {
    const text = `${name}: prefixes are its blocks`;
    const remedy =
      'Use --prefixes calico, and strictAffinity in its IPAM, else an address may be in the block of another node';
    return { subject, state: 'note', text, remedy };
  }
  if (family === 'unknown') {
    const text = `${name}: plugins that nobody here knows (${plugins.join(', ')}) in ${file}`;
    return {
      subject,
      state: 'note',
      text,
      remedy: 'See with `litz agent verify` whether their packets take the routes of the host',
    };
  }
  return { subject, state: 'ok', text: name };
}

function checkPrefixes({ prefixes, cni }: HostFacts, { mode }: CheckRequest): CheckLine {
  const subject = 'own prefixes';
  if (prefixes.length > 0)
    return { subject, state: 'ok', text: prefixes.map(formatCidr).join(', ') };
  if (mode !== 'pods' && BY_NODES_ONLY.has(cni.family)) {
    return { subject, state: 'ok', text: 'none: pods are covered with the nodes' };
  }
  const text = 'none in the configuration of the CNI';
  const remedy = 'Give --prefixes static:CIDR,... or, with Kubernetes, --prefixes node';
  return { subject, state: 'refused', text, remedy };
}

function checkCluster(facts: HostFacts, request: CheckRequest): CheckLine {
  const subject = 'cluster prefixes';
  const { clusterPrefixes, enforcement } = request;
  if (clusterPrefixes.length === 0 && enforcement === 'enforce') {
    const text = 'enforce has to know which packets to refuse';
    return { subject, state: 'refused', text, remedy: 'Give --cluster-prefix CIDR' };
  }
  const captured = [...clusterPrefixes, ...facts.prefixes];
  const node = facts.nodeAddresses.find((text) =>
    captured.some((prefix) => covers(prefix, hostPrefix(parseAddress(text)))),
  );
  if (node !== undefined) {
    const text = `the address of the node, ${node}, is in a prefix of pods: its own packets would go round`;
    return { subject, state: 'refused', text, remedy: 'Nodes and pods need prefixes of their own' };
  }
  const outside = facts.prefixes.find(
    (prefix) =>
      clusterPrefixes.some(({ address }) => address.length === prefix.address.length) &&
      !clusterPrefixes.some((wide) => covers(wide, prefix)),
  );
  if (outside) {
    const text = `${formatCidr(outside)} of this node is outside of them`;
    const state = enforcement === 'enforce' ? 'refused' : 'note';
    return { subject, state, text, remedy: 'Give a --cluster-prefix that has it' };
  }
  const text =
    clusterPrefixes.length > 0 ? clusterPrefixes.map(formatCidr).join(', ') : 'not given';
  return { subject, state: 'ok', text };
}

function checkEncryption({ foreignEncryption }: HostFacts): CheckLine {
  const subject = 'other encryption';
  if (foreignEncryption.length === 0) return { subject, state: 'ok', text: 'none' };
  const text = `${foreignEncryption.join(', ')} encrypts already, and twice would be slow and break MTUs`;
  return { subject, state: 'refused', text, remedy: 'Switch that one off, or do without this one' };
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
  const remedy = `The overlay inside of the tunnel needs an MTU of ${largest} at most; set it in the CNI`;
  return { subject, state: 'note', text, remedy };
}

function checkFilters({ reversePathFilters }: HostFacts): CheckLine {
  const subject = 'rp_filter';
  const strict = [...reversePathFilters].filter(([, value]) => value === 1).map(([name]) => name);
  if (strict.length === 0) return { subject, state: 'ok', text: 'not strict' };
  const text = `strict on ${strict.join(', ')}; it is made loose (2) while the agent is there, and put back`;
  return { subject, state: 'note', text };
}

function checkForwarding({ forwardDrops, forwarding, prefixes }: HostFacts): CheckLine {
  const subject = 'forwarding';
  const families = prefixes.some(({ address }) => address.length === 16)
    ? ([4, 6] as const)
    : ([4] as const);
  const off = families.filter((family) => !forwarding[family]).map((family) => `IPv${family}`);
  if (off.length > 0) {
    const text = `${off.join(' and ')} packets are not forwarded, so no pod is reached`;
    const remedy =
      'The CNI switches it on, else `sysctl net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1`';
    return { subject, state: 'note', text, remedy };
  }
  if (forwardDrops.length === 0) return { subject, state: 'ok', text: 'nothing in the way' };
  const text = `${forwardDrops.join(', ')} drops what no rule accepts`;
  const remedy =
    'It needs rules that accept packets from and to the pods, also by the interface of the tunnel';
  return { subject, state: 'note', text, remedy };
}

function checkNetworkd({ networkd }: HostFacts): CheckLine {
  const subject = 'systemd-networkd';
  if (networkd === 'absent') return { subject, state: 'ok', text: 'does not run' };
  if (networkd === 'keeps-foreign')
    return { subject, state: 'ok', text: 'leaves foreign rules alone' };
  const text =
    'deletes foreign rules and routes; ours say that the kernel made them, which it leaves alone';
  const remedy =
    'ManageForeignRoutingPolicyRules=no and ManageForeignRoutes=no in networkd.conf make it sure';
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
  return { subject, state: 'note', text: 'the program is missing: no SNAT, no MSS clamp', remedy };
}

function checkTable({ foreignRoutes }: HostFacts, { table }: CheckRequest): CheckLine {
  const subject = `table ${table}`;
  if (foreignRoutes.length === 0) return { subject, state: 'ok', text: 'free' };
  const text = `has routes of somebody else: ${foreignRoutes.join('; ')}`;
  return { subject, state: 'refused', text, remedy: `See \`ip route show table ${table}\`` };
}

function checkPriority({ foreignRules }: HostFacts, { priority }: CheckRequest): CheckLine {
  const subject = `priority ${priority}`;
  if (foreignRules.length === 0) return { subject, state: 'ok', text: 'free' };
  const text = `somebody else's rules are there: ${foreignRules.join('; ')}`;
  return { subject, state: 'refused', text, remedy: 'See `ip rule` and `ip -6 rule`' };
}

function checkInterface(
  { foreignInterface }: HostFacts,
  { interfaceName }: CheckRequest,
): CheckLine {
  const subject = `interface ${interfaceName}`;
  if (foreignInterface === undefined)
    return { subject, state: 'ok', text: 'free, or the daemon has it' };
  const text = `is there already, and is ${foreignInterface}`;
  return { subject, state: 'refused', text, remedy: 'Give --interface NAME' };
}

function checkPort({ portTaken }: HostFacts, { port }: CheckRequest): CheckLine {
  const subject = `port ${port}`;
  if (portTaken === undefined) return { subject, state: 'ok', text: 'free, or the daemon has it' };
  const remedy = 'Give --port PORT, the same one on all nodes';
  return { subject, state: 'refused', text: `${portTaken} is taken`, remedy };
}

function checkAddress({ addressTaken }: HostFacts, { interfaceName }: CheckRequest): CheckLine {
  const subject = 'address';
  if (addressTaken.length === 0) return { subject, state: 'ok', text: `free for ${interfaceName}` };
  const text = `${addressTaken.join(', ')} has it too; an overlay that isn't used any more may keep it`;
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
/** Pods of these never take the routes of the host. */
const BY_NODES_ONLY: ReadonlySet<CniFamily> = new Set(['cilium-overlay', 'ovn', 'antrea']);
const LARGEST_OVERHEAD = 80;
/** VXLAN over IPv4. */
const OVERLAY_OVERHEAD = 50;
