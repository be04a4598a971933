/**
 * `checkHost`: checks whether a mode can work on this machine. It returns one line for each subject
 * that was checked. It is pure, and it runs before the agent changes anything.
 *
 * @module
 */
import { checkAddress, checkCluster, checkNodes, checkPrefixes } from './check-addresses.ts';
import { BY_NODES_ONLY, checkCni } from './check-cni.ts';
import type { CheckLine, CheckRequest } from './check-line.ts';
import type { HostFacts } from './host-facts.ts';

/**
 * Returns one line for each subject: first the network around the node, then the node's own
 * settings.
 */
export function checkHost(facts: HostFacts, request: CheckRequest): CheckLine[] {
  return [
    checkCni(facts, request),
    checkPrefixes(facts, request),
    checkCluster(facts, request),
    checkNodes(facts, request),
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

/** The tunnel's largest overhead in bytes: IPv6 40, UDP 8, header and tag of the message 32. */
const LARGEST_OVERHEAD = 80;
/** Bytes that VXLAN over IPv4 adds to a packet. */
const OVERLAY_OVERHEAD = 50;
