/**
 * `MembershipContext`: the facts about this node that decide which records of other nodes are
 * accepted.
 *
 * @module
 */
import { formatCidr, parseAddress, type Cidr, type PublicKey } from '@litz/core';
import { covers, hostPrefix, overlaps } from '../record/cidr-relations.ts';
import type { NodeRecord } from '../record/node-record.ts';
import { isIpv6 } from '../record/record-fields.ts';

/**
 * The facts about this node and its cluster that decide which records of other nodes are accepted.
 */
export interface MembershipContext {
  readonly ownName: string;
  /** One key, or two during a rotation. */
  readonly ownKeys: readonly PublicKey[];
  /**
   * The underlay addresses of this node, as text. A peer is reached at an address of the same
   * family as one of these addresses.
   */
  readonly ownAddresses: readonly string[];
  readonly ownPrefixes: readonly Cidr[];
  /** The addresses of the registry's servers, as text. */
  readonly registryAddresses: readonly string[];
  /** The prefixes of the services. Empty if they are not known. */
  readonly servicePrefixes: readonly Cidr[];
  /** The prefixes of all pods. Empty if they are not known; then a pod prefix may be anywhere. */
  readonly clusterPrefixes: readonly Cidr[];
  /**
   * The prefixes that contain the addresses of all nodes. Empty if they are not known; then an
   * address may be anywhere.
   */
  readonly nodePrefixes: readonly Cidr[];
}

/** The reason why a record is refused, and the name of the field in Litz's format. */
export interface Refusal {
  readonly field: string;
  readonly reason: string;
  /** The other node, if the record claims a key, address or prefix of another node. */
  readonly holder?: string;
}

/**
 * Returns the reason why this node must refuse the record, whatever other nodes claim. Undefined if
 * there is no such reason.
 */
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

/** Returns the first address whose family is also the family of an address of this node. */
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
    return prefix && { field, reason: `${address} is in ${what}, ${formatCidr(prefix)}` };
  };
  // The address must not be in a prefix of pods or services. If it were, packets to the pod or
  // service at this address could go into the tunnel to the other node.
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
  return {
    field: 'addresses',
    reason: `has only ${family} addresses, and this node has none of that family`,
  };
}

function refusedPrefix(
  prefix: Cidr,
  { field, record, context }: { field: string; record: NodeRecord; context: MembershipContext },
): Refusal | undefined {
  const text = formatCidr(prefix);
  const touched = (prefixes: readonly Cidr[], what: string): Refusal | undefined => {
    const other = prefixes.find((candidate) => overlaps(candidate, prefix));
    return other && { field, reason: `${text} overlaps ${what}, ${formatCidr(other)}` };
  };
  const covered = (addresses: readonly string[], what: string): Refusal | undefined => {
    const address = addresses.find((item) => covers(prefix, hostPrefix(parseAddress(item))));
    return address === undefined
      ? undefined
      : { field, reason: `${text} covers ${address}, ${what}` };
  };
  return (
    touched(context.ownPrefixes, "this node's prefix") ??
    touched(context.servicePrefixes, 'the prefix of the services') ??
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
  return { field, reason: `${text} is outside ${what}, ${known}` };
}
