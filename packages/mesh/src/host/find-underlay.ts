/**
 * `findUnderlay`: finds the links that lead to the peers. It reads links and routes, and changes
 * nothing.
 *
 * @module
 */
import { formatAddress, formatCidr, parseAddress, type Cidr } from '@litz/core';
import type { Link, Netlink } from '@litz/sys';
import { NODES_MARK, type Underlay } from '../plan/desired-host.ts';
import { MAIN_TABLE } from '../plan/mesh-rule.ts';
import { networkAddress } from '../record/cidr-relations.ts';
import type { UnderlayRequest } from './mesh-host.ts';

/**
 * Finds the links and the MTU of the underlay. These are the links and the MTU of the routes to the
 * peers' endpoints. Without peers, the links that have the node's addresses are used. The routes
 * are looked up with the mark of the daemon's datagrams, so that the mesh's own rules do not apply.
 */
export function findUnderlay(
  { peers = [], nodeAddresses = [], interfaceName }: UnderlayRequest,
  netlink: Netlink,
  links: readonly Link[],
): Underlay {
  const nameOf = (index: number): string | undefined => {
    const name = links.find((link) => link.index === index)?.name;
    return name === interfaceName ? undefined : name;
  };
  const found = peers.length > 0 ? routesTo(peers, netlink) : ownRoutes(nodeAddresses, netlink);
  const usable = found.filter(({ interfaceIndex }) => nameOf(interfaceIndex) !== undefined);
  const mtus = usable.map(
    (route) => route.mtu ?? links.find(({ index }) => index === route.interfaceIndex)?.mtu ?? 0,
  );
  return {
    mtu: mtus.length > 0 ? Math.min(...mtus) : undefined,
    links: namesOf(usable.map(({ interfaceIndex }) => nameOf(interfaceIndex))),
    podLinks: namesOf(podRoutes(peers, netlink).map(nameOf)),
  };
}

interface UnderlayRoute {
  readonly interfaceIndex: number;
  readonly mtu?: number;
}

/**
 * Looks up the routes to the first `MOST_LOOK_UPS` peers only, because the nodes of a cluster are
 * reached over few links.
 */
function routesTo(peers: NonNullable<UnderlayRequest['peers']>, netlink: Netlink): UnderlayRoute[] {
  return peers.slice(0, MOST_LOOK_UPS).flatMap(({ endpoint }) => {
    try {
      const route = netlink.routeTo(endpoint.address, { mark: NODES_MARK });
      return route && route.type === 'unicast' ? [route] : [];
    } catch {
      // The look-up fails if the route is of type prohibit or blackhole. That is not an error here.
      return [];
    }
  });
}

/**
 * Returns the links that have the node's addresses. If there are none, returns the links of the
 * default routes.
 */
function ownRoutes(nodeAddresses: readonly string[], netlink: Netlink): UnderlayRoute[] {
  const wanted = new Set(nodeAddresses.map((text) => formatAddress(parseAddress(text))));
  const own = netlink.addresses().filter(({ address }) => wanted.has(formatAddress(address)));
  if (own.length > 0) return own;
  return netlink.tableRoutes(MAIN_TABLE, (route) =>
    route.prefixLength === 0 && route.interfaceIndex !== 0 ? route : undefined,
  );
}

/**
 * Looks in the main table for routes whose destination is a prefix of a peer. Returns the indices
 * of the links of these routes.
 */
function podRoutes(peers: NonNullable<UnderlayRequest['peers']>, netlink: Netlink): number[] {
  const prefixes = new Set(peers.flatMap((peer) => peer.prefixes.map(networkText)));
  if (prefixes.size === 0) return [];
  return netlink.tableRoutes(MAIN_TABLE, ({ destination, prefixLength, interfaceIndex }) =>
    prefixes.has(formatCidr({ address: destination, prefixLength })) ? interfaceIndex : undefined,
  );
}

function networkText(prefix: Readonly<Cidr>): string {
  return formatCidr({ address: networkAddress(prefix), prefixLength: prefix.prefixLength });
}

function namesOf(names: readonly (string | undefined)[]): string[] {
  return [...new Set(names.filter((name) => name !== undefined))].toSorted();
}

/** The largest number of peers whose route is looked up. A look-up is a request to the kernel. */
const MOST_LOOK_UPS = 256;
