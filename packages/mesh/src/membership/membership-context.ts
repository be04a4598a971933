/**
 * `MembershipContext`: what this node knows of itself, and what no other node can therefore claim.
 *
 * @module
 */
import { formatCidr, parseAddress, type Cidr, type PublicKey } from '@litz/core';
import { covers, hostPrefix, overlaps } from '../record/cidr-relations.ts';
import type { NodeRecord } from '../record/node-record.ts';
import { isIpv6 } from '../record/record-fields.ts';

export interface MembershipContext {
  readonly ownName: string;
  /** One, or two during a rotation. */
  readonly ownKeys: readonly PublicKey[];
  /** Of this node's underlay, as text. A peer is reached at an address of a family that is among them. */
  readonly ownAddresses: readonly string[];
  readonly ownPrefixes: readonly Cidr[];
  /** Addresses of the registry's servers, as text. */
  readonly registryAddresses: readonly string[];
  /** Where services have their addresses; empty where it isn't known. */
  readonly servicePrefixes: readonly Cidr[];
  /** Where all pods have their addresses; empty where it isn't known, and then any place will do. */
  readonly clusterPrefixes: readonly Cidr[];
  /** Where all nodes have their addresses; empty where nobody says it, and then any place will do. */
  readonly nodePrefixes: readonly Cidr[];
}

/** Why a record is refused: the field as it is called in Litz's form, and the reason. */
export interface Refusal {
  readonly field: string;
  readonly reason: string;
  /** The node that has what the record claims, where it is another node. */
  readonly holder?: string;
}

/** What this node has against the record, whoever else there is. */
export function refusalInContext(
  record: NodeRecord,
  context: MembershipContext,
): Refusal | undefined {
  return (
    first(record.keys, (key, i) => refusedKey(key.publicKey, `keys[${i}].publicKey`, context)) ??
    first(record.addresses, (address, i) => refusedAddress(address, `addresses[${i}]`, context)) ??
    refusedFamilies(record, context) ??
    first(record.prefixes, (prefix, i) =>
      refusedPrefix(prefix, { field: `prefixes[${i}]`, record, context }),
    )
  );
}

/** The first address of a family that this node has. */
export function reachableAddress(
  addresses: readonly string[],
  { ownAddresses }: MembershipContext,
): string | undefined {
  return addresses.find((address) => ownAddresses.some((own) => isIpv6(own) === isIpv6(address)));
}

function first<T, R>(
  items: readonly T[],
  check: (item: T, i: number) => R | undefined,
): R | undefined {
  for (const [i, item] of items.entries()) {
    const found = check(item, i);
    if (found !== undefined) return found;
  }
  return undefined;
}

function refusedKey(
  key: PublicKey,
  field: string,
  { ownKeys }: MembershipContext,
): Refusal | undefined {
  const text = key.toBase64();
  const isOwn = ownKeys.some((own) => own.toBase64() === text);
  return isOwn ? { field, reason: 'is the key of this node' } : undefined;
}

function refusedAddress(
  address: string,
  field: string,
  context: MembershipContext,
): Refusal | undefined {
  if (context.ownAddresses.includes(address)) {
    return { field, reason: `${address} is an address of this node` };
  }
  const host = hostPrefix(parseAddress(address));
  const within = (prefixes: readonly Cidr[], what: string): Refusal | undefined => {
    const prefix = prefixes.find((candidate) => covers(candidate, host));
    return prefix && { field, reason: `${address} lies in ${what}, ${formatCidr(prefix)}` };
  };
  // The way to a node would lead into the tunnel to that node.
  return (
    within(context.ownPrefixes, "this node's prefix") ??
    within(context.clusterPrefixes, "the cluster's prefix") ??
    within(context.servicePrefixes, 'the range of services') ??
    outsideOf(host, context.nodePrefixes, { field, text: address, what: 'the prefix of the nodes' })
  );
}

function refusedFamilies(record: NodeRecord, context: MembershipContext): Refusal | undefined {
  if (reachableAddress(record.addresses, context) !== undefined) return undefined;
  const family = record.addresses.some(isIpv6) ? 'IPv6' : 'IPv4';
  return { field: 'addresses', reason: `has ${family} only, which this node doesn't have` };
}

function refusedPrefix(
  prefix: Cidr,
  { field, record, context }: { field: string; record: NodeRecord; context: MembershipContext },
): Refusal | undefined {
  const text = formatCidr(prefix);
  const touched = (prefixes: readonly Cidr[], what: string): Refusal | undefined => {
    const other = prefixes.find((candidate) => overlaps(candidate, prefix));
    return other && { field, reason: `${text} has addresses of ${what}, ${formatCidr(other)}` };
  };
  const covered = (addresses: readonly string[], what: string): Refusal | undefined => {
    const address = addresses.find((item) => covers(prefix, hostPrefix(parseAddress(item))));
    return address === undefined
      ? undefined
      : { field, reason: `${text} covers ${address}, ${what}` };
  };
  return (
    touched(context.ownPrefixes, "this node's prefix") ??
    touched(context.servicePrefixes, 'the range of services') ??
    covered(context.ownAddresses, 'an underlay address of this node') ??
    covered(context.registryAddresses, 'an address of the registry') ??
    covered(record.addresses, 'an underlay address of the node itself') ??
    outsideOf(prefix, context.clusterPrefixes, { field, text, what: "the cluster's prefix" })
  );
}

function outsideOf(
  prefix: Cidr,
  prefixes: readonly Cidr[],
  { field, text, what }: { field: string; text: string; what: string },
): Refusal | undefined {
  if (prefixes.length === 0) return undefined;
  if (prefixes.some((wide) => covers(wide, prefix))) return undefined;
  const known = prefixes.map(formatCidr).join(', ');
  return { field, reason: `${text} lies outside of ${what}, ${known}` };
}
