/**
 * `MeshRoute`: a route of the mesh's own table, as plain data.
 *
 * @module
 */
import { formatAddress, formatCidr, type Cidr } from '@litz/core';
import { networkOf } from '../record/cidr-relations.ts';

/**
 * `unicast`: into the tunnel. `throw`: the kernel continues with the next rule, so the main table
 * decides. `unreachable`: the packet is refused.
 */
export type MeshRouteType = 'unicast' | 'throw' | 'unreachable';

/** A route in the mesh's table. Immutable. */
export interface MeshRoute {
  /** Destination and metric. The mesh has at most one route for each key in its table. */
  readonly key: string;
  /**
   * All properties of the route, in nearly the form of `ip route`. Equal routes have equal texts.
   */
  readonly text: string;
  readonly destination: Readonly<Cidr>;
  readonly type: MeshRouteType;
  /** The preferred source address of a unicast route. */
  readonly source: Uint8Array | undefined;
  readonly metric: number;
  /** In bytes. Present if it is less than the MTU of the tunnel's interface. */
  readonly mtu?: number;
  /** Present if another program made the route in the mesh's table. */
  readonly foreign?: true;
}

/**
 * The metric of the `unreachable` routes. It is so large that every other route for the same prefix
 * comes first. The kernel's documentation uses this metric for the unreachable default route of a
 * VRF (Documentation/networking/vrf.rst).
 */
export const LAST_METRIC = 4_278_198_272;

/**
 * Makes a route with its key and text.
 *
 * @param prefix the destination; the route keeps this object if no bit behind the prefix length is
 *   set
 * @param options.metric default: the kernel's default
 */
export function meshRoute(
  type: MeshRouteType,
  prefix: Readonly<Cidr>,
  options: {
    readonly source?: Uint8Array | undefined;
    readonly metric?: number;
    readonly mtu?: number | undefined;
  } = {},
): MeshRoute {
  const destination = networkOf(prefix);
  const { address } = destination;
  const { source, mtu, metric = address.length === 4 ? 0 : IPV6_METRIC } = options;
  // `join` makes flat strings. Concatenated strings would keep their parts in memory.
  const key = [formatCidr(destination), ' metric ', metric].join('');
  const via = type === 'unicast' ? ' through the tunnel' : ` ${type}`;
  const from = source ? ` src ${formatAddress(source)}` : '';
  if (mtu === undefined) {
    return { key, text: [key, via, from].join(''), destination, type, source, metric };
  }
  const text = [key, via, from, ` mtu ${mtu}`].join('');
  return { key, text, destination, type, source, metric, mtu };
}

/** The kernel's default metric for IPv6. Its default for IPv4 is 0. */
const IPV6_METRIC = 1024;
