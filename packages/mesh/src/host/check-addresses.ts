/**
 * Checks of the prefixes and addresses of pods and nodes. Pure.
 *
 * @module
 */
import { formatCidr, parseAddress } from '@litz/core';
import { covers, hostPrefix } from '../record/cidr-relations.ts';
import { RecordError } from '../record/node-record.ts';
import { checkClusterPrefix } from '../record/record-fields.ts';
import { BY_NODES_ONLY } from './check-cni.ts';
import type { CheckLine, CheckRequest } from './check-line.ts';
import type { HostFacts } from './host-facts.ts';

/** Checks the prefixes of this node's pods. */
export function checkPrefixes({ prefixes, cni }: HostFacts, { mode }: CheckRequest): CheckLine {
  const subject = 'own prefixes';
  if (prefixes.length > 0)
    return { subject, state: 'ok', text: prefixes.map(formatCidr).join(', ') };
  if (mode !== 'pods' && BY_NODES_ONLY.has(cni.family)) {
    return { subject, state: 'ok', text: 'none: encryption of the nodes covers their pods' };
  }
  const text = 'the configuration of the CNI has no prefixes';
  const remedy = 'Set --prefixes static:CIDR,... or, with Kubernetes, --prefixes node';
  return { subject, state: 'refused', text, remedy };
}

/** Checks `--cluster-prefix`, whose prefixes must contain all pods. */
export function checkCluster(facts: HostFacts, request: CheckRequest): CheckLine {
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
    const text = `the prefix ${formatCidr(outside)} of this node is outside all cluster prefixes`;
    const state = enforcement === 'enforce' ? 'refused' : 'note';
    return { subject, state, text, remedy: 'Set a --cluster-prefix that contains it' };
  }
  const text = clusterPrefixes.length > 0 ? clusterPrefixes.map(formatCidr).join(', ') : 'not set';
  return { subject, state: 'ok', text };
}

/**
 * Checks `--node-prefix`, which limits the addresses in the records of nodes. The addresses of this
 * node and of every known node must be in these prefixes.
 */
export function checkNodes(facts: HostFacts, request: CheckRequest): CheckLine {
  const { nodePrefixes, mode, enforcement } = request;
  if (nodePrefixes.length === 0) return unboundNodes(mode);
  const subject = NODES;
  const text = nodePrefixes.map(formatCidr).join(', ');
  const bad = badNodePrefix(request);
  if (bad) return bad;
  const isOutside = (address: string): boolean =>
    !nodePrefixes.some((prefix) => covers(prefix, hostPrefix(parseAddress(address))));
  const own = facts.nodeAddresses.find(isOutside);
  if (own !== undefined) {
    const reason = `${own}, an address of this node, is outside ${text}, so the other nodes would refuse this node`;
    const remedy = 'Add a prefix with that address, or set --node-ip to another address';
    return { subject, state: 'refused', text: reason, remedy };
  }
  const known = addressesOfRecords(request);
  const outside = known.filter(({ address }) => isOutside(address));
  if (outside.length > 0) {
    const nodes = outside.map(({ node, address }) => `${node} (${address})`).join(', ');
    const state = enforcement === 'enforce' ? 'refused' : 'note';
    const reason = `records with an address outside ${text} would be refused: ${nodes}`;
    return { subject, state, text: reason, remedy: 'Add their prefixes, or remove the records' };
  }
  const count = new Set(known.map(({ node }) => node)).size;
  const others = count > 0 ? ` and of the known records (${count})` : '';
  return {
    subject,
    state: 'ok',
    text: `${text}; they contain the addresses of this node${others}`,
  };
}

/** Checks that no other link has an address of the tunnel's interface. */
export function checkAddress(
  { addressTaken }: HostFacts,
  { interfaceName }: CheckRequest,
): CheckLine {
  const subject = 'address';
  if (addressTaken.length === 0) return { subject, state: 'ok', text: `free for ${interfaceName}` };
  const text = `${addressTaken.join(', ')} has the tunnel's address too; it may be left from an overlay that is no longer used`;
  return { subject, state: 'note', text };
}

function unboundNodes(mode: CheckRequest['mode']): CheckLine {
  const text = 'not set, so a record may have any address that no other node has';
  if (mode === 'pods') return { subject: NODES, state: 'ok', text };
  const remedy =
    'Set --node-prefix CIDR,... to the addresses of the nodes. Without --node-prefix, a record can have any address, and all packets to that address go to the node of the record';
  return { subject: NODES, state: 'note', text, remedy };
}

function badNodePrefix({ nodePrefixes, clusterPrefixes }: CheckRequest): CheckLine | undefined {
  const common = { subject: NODES, state: 'refused' } as const;
  try {
    for (const prefix of nodePrefixes) checkClusterPrefix(prefix, { node: '', field: '' });
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    const remedy = 'Set --node-prefix to prefixes that only the nodes have';
    return { ...common, text: error.reason, remedy };
  }
  for (const prefix of nodePrefixes) {
    const pods = clusterPrefixes.find((wide) => covers(wide, prefix));
    if (!pods) continue;
    const text = `${formatCidr(prefix)} is in ${formatCidr(pods)}, a prefix of pods, so no address in it is accepted`;
    return { ...common, text, remedy: 'Use different prefixes for nodes and for pods' };
  }
  return undefined;
}

function addressesOfRecords({ records }: CheckRequest): { node: string; address: string }[] {
  return [...records].flatMap(([node, record]) => {
    // Bad and revoked records are refused anyway.
    if (record instanceof RecordError || record.revoked) return [];
    return record.addresses.map((address) => ({ node, address }));
  });
}

const NODES = 'node prefixes';
