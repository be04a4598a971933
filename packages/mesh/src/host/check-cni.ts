/**
 * `checkCni`: checks whether the mesh can work beside the CNI of this machine. Pure.
 *
 * @module
 */
import type { CheckLine, CheckRequest } from './check-line.ts';
import type { CniFacts, CniFamily, HostFacts } from './host-facts.ts';

export function checkCni(facts: HostFacts, request: CheckRequest): CheckLine {
  const { cni } = facts;
  if (cni.trouble !== undefined) {
    const remedy = 'Correct that file, or set --prefixes static:CIDR';
    return { subject, state: 'note', text: cni.trouble, remedy };
  }
  if (cni.family === 'none') {
    const text = 'no configuration in /etc/cni/net.d yet';
    const remedy = 'The routes and rules of the agent stay valid when a CNI is installed later';
    return { subject, state: 'note', text, remedy };
  }
  const name = nameOf(cni);
  const line = refusalLine(name, facts, request) ?? noteLine(name, cni);
  return line ?? { subject, state: 'ok', text: name };
}

/** Returns the line for a CNI with which the mode cannot work. */
function refusalLine(
  name: string,
  { cni: { family }, prefixes }: HostFacts,
  { mode, enforcement }: CheckRequest,
): CheckLine | undefined {
  if (family === 'cilium-native') {
    const text = `${name}: packets of its pods do not use the routes of the host`;
    const remedy = "Use Cilium's own encryption, or use Cilium with an overlay and --encrypt nodes";
    return { subject, state: 'refused', text, remedy };
  }
  if (BY_NODES_ONLY.has(family) && mode === 'pods') {
    const text = `${name}: it wraps packets of pods before the host routes them, so the host sees only packets between nodes`;
    return { subject, state: 'refused', text, remedy: 'Use --encrypt nodes or --encrypt all' };
  }
  if (family === 'aws-vpc' && (enforcement === 'enforce' || prefixes.length === 0)) {
    const text = `${name}: pods have addresses from the subnet of the nodes, and no prefix belongs to one node`;
    const remedy =
      'If the pods of each node have their own subnet, set --prefixes static:CIDR and --enforcement permissive';
    return { subject, state: 'refused', text, remedy };
  }
  return undefined;
}

/** Returns the line for a CNI about which the user should know something. */
function noteLine(name: string, { family, file, plugins }: CniFacts): CheckLine | undefined {
  if (family === 'calico') {
    const text = `${name}: the prefixes of a node are its IPAM blocks`;
    const remedy =
      'Use --prefixes calico, and set strictAffinity in its IPAM: without it, a pod may get an address from the block of another node';
    return { subject, state: 'note', text, remedy };
  }
  if (family === 'unknown') {
    const text = `${name}: Litz does not know the plugins ${plugins.join(', ')} in ${file}`;
    const remedy =
      'Run `litz agent verify` to see whether their packets use the routes of the host';
    return { subject, state: 'note', text, remedy };
  }
  return undefined;
}

function nameOf({ family, network, plugins }: CniFacts): string {
  if (network === undefined) return NAMES[family];
  return `${NAMES[family]} (network ${network}: ${plugins.join(', ')})`;
}

const subject = 'CNI';
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
/**
 * Packets of pods of these CNIs never use the routes of the host. So only the modes `nodes` and
 * `all` can encrypt them.
 */
export const BY_NODES_ONLY: ReadonlySet<CniFamily> = new Set(['cilium-overlay', 'ovn', 'antrea']);
