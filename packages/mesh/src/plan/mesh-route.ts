/**
 * `MeshRoute`: a route of the mesh's own table, as plain data.
 *
 * @module
 */
import { formatAddress, formatCidr, type Cidr } from '@litz/core';
import { networkOf } from '../record/cidr-relations.ts';

/** `throw`: the rules go on, so the main table decides. `unreachable`: nothing leaves. */
export type MeshRouteType = 'unicast' | 'throw' | 'unreachable';

export interface MeshRoute {
  /** Destination and metric. The kernel has one route of each in a table. */
  readonly key: string;
  /** All that the route says, much as `ip route` writes it. Equal routes have equal texts. */
  readonly text: string;
  readonly destination: Readonly<Cidr>;
  readonly type: MeshRouteType;
  /** Preferred source of a unicast route, which goes into the tunnel. */
  readonly source: Uint8Array | undefined;
  readonly metric: number;
  /** Somebody else's, in our table. */
  readonly foreign?: true;
}

/** Behind every other route: the metric that the kernel's own last resorts have. */
export const LAST_METRIC = 4_278_198_272;
/** What the kernel takes for IPv6 where nothing is said. For IPv4 it takes 0. */
const IPV6_METRIC = 1024;

/**
 * @param prefix kept, where it has no bits behind its length
 * @param options.metric default: the kernel's own
 */
export function meshRoute(
  type: MeshRouteType,
  prefix: Readonly<Cidr>,
  options: { readonly source?: Uint8Array | undefined; readonly metric?: number } = {},
): MeshRoute {
  const destination = networkOf(prefix);
  const { address } = destination;
  const { source, metric = address.length === 4 ? 0 : IPV6_METRIC } = options;
  const key = `${formatCidr(destination)} metric ${metric}`;
  const via = type === 'unicast' ? 'through the tunnel' : type;
  const from = source ? ` src ${formatAddress(source)}` : '';
  return { key, text: `${key} ${via}${from}`, destination, type, source, metric };
}
