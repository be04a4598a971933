/**
 * `checkOwnNode`: checks whether the other nodes would accept this node's record. If they would
 * refuse it, the record is not published, and the mistake is reported on this node.
 *
 * @module
 */
import { formatCidr, parseAddress, type Cidr } from '@litz/core';
import { covers, hostPrefix, networkOf, overlaps } from './cidr-relations.ts';
import { RecordError } from './node-record.ts';
import {
  checkClusterPrefix,
  checkPodPrefix,
  isNodeName,
  readNodeAddresses,
  type RecordField,
} from './record-fields.ts';

/** The facts about a node and its cluster, from its settings. */
export interface OwnNodeClaim {
  readonly name: string;
  readonly addresses: readonly string[];
  /** The prefixes of the node's pods. Empty while they are not known. */
  readonly prefixes: readonly Readonly<Cidr>[];
  readonly clusterPrefixes: readonly Readonly<Cidr>[];
  readonly servicePrefixes: readonly Readonly<Cidr>[];
  readonly nodePrefixes: readonly Readonly<Cidr>[];
}

/**
 * Checks that the other nodes can accept these facts.
 *
 * @throws {RecordError} the other nodes would refuse the record; the error names the field `name`,
 *   `addresses`, `prefixes`, `clusterPrefixes` or `nodePrefixes`
 */
export function checkOwnNode(claim: OwnNodeClaim): void {
  const { name, addresses, prefixes, clusterPrefixes, nodePrefixes } = claim;
  if (!isNodeName(name)) throw new RecordError(name, 'name', NAME_RULE);
  readNodeAddresses([...addresses], { node: name, field: 'addresses' });
  for (const prefix of prefixes) checkOwnPrefix(prefix, { node: name, field: 'prefixes' });
  for (const prefix of clusterPrefixes) {
    checkClusterPrefix(prefix, { node: name, field: 'clusterPrefixes' });
  }
  for (const prefix of nodePrefixes) {
    checkClusterPrefix(prefix, { node: name, field: 'nodePrefixes' });
  }
  checkAddresses(claim);
  checkCoversNoAddress(claim, 'prefixes');
  checkCoversNoAddress(claim, 'clusterPrefixes');
  checkOverlapsNoServices(claim);
  checkInsideCluster(claim);
}

function checkOwnPrefix(prefix: Readonly<Cidr>, at: RecordField): void {
  checkPodPrefix(prefix, at);
  const [text, network] = [formatCidr(prefix), formatCidr(networkOf(prefix))];
  if (text === network) return;
  const reason = `${text} has bits set after its prefix length; its network is ${network}`;
  throw new RecordError(at.node, at.field, reason);
}

function checkAddresses({ name, addresses, ...claim }: OwnNodeClaim): void {
  const { servicePrefixes, nodePrefixes } = claim;
  for (const text of addresses) {
    const host = hostPrefix(parseAddress(text));
    const services = servicePrefixes.find((range) => covers(range, host));
    if (services) {
      const reason = `${text} is in the prefix of the services, ${formatCidr(services)}`;
      throw new RecordError(name, 'addresses', reason);
    }
    if (nodePrefixes.length === 0 || nodePrefixes.some((wide) => covers(wide, host))) continue;
    const known = nodePrefixes.map(formatCidr).join(', ');
    const reason = `${text} is outside the prefix of the nodes, ${known}`;
    throw new RecordError(name, 'addresses', reason);
  }
}

/**
 * Refuses prefixes that cover an address of the node. The other nodes would send all
 * traffic to that address into the tunnel, even the datagrams of the tunnel itself.
 */
function checkCoversNoAddress(claim: OwnNodeClaim, field: 'prefixes' | 'clusterPrefixes'): void {
  for (const prefix of claim[field]) {
    const address = claim.addresses.find((text) => covers(prefix, hostPrefix(parseAddress(text))));
    if (address === undefined) continue;
    const reason = `${formatCidr(prefix)} covers ${address}, an address of this node`;
    throw new RecordError(claim.name, field, reason);
  }
}

function checkOverlapsNoServices({ name, prefixes, servicePrefixes }: OwnNodeClaim): void {
  for (const prefix of prefixes) {
    const services = servicePrefixes.find((range) => overlaps(range, prefix));
    if (!services) continue;
    const what = `the prefix of the services, ${formatCidr(services)}`;
    throw new RecordError(name, 'prefixes', `${formatCidr(prefix)} overlaps ${what}`);
  }
}

function checkInsideCluster({ name, prefixes, clusterPrefixes }: OwnNodeClaim): void {
  if (clusterPrefixes.length === 0) return;
  const outside = prefixes.find((own) => !clusterPrefixes.some((wide) => covers(wide, own)));
  if (!outside) return;
  const known = clusterPrefixes.map(formatCidr).join(', ');
  const reason = `${formatCidr(outside)} is outside the cluster's prefixes, ${known}`;
  throw new RecordError(name, 'prefixes', reason);
}

const NAME_RULE =
  'is not a valid node name: expected up to 253 letters, digits, "-", "." and "_", ' +
  'with a letter or digit at both ends';
