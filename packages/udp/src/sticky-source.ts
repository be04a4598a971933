/**
 * Whether a sticky source still works: the local address, and the interface, that a peer was last heard
 * on.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import { SystemError, type RouteTo, type RouteToOptions } from '@litz/sys';

/** The route look-up of the kernel (RTM_GETROUTE), as `Netlink` has it. */
export interface RouteLookup {
  routeTo(
    address: Uint8Array,
    options?: RouteToOptions,
  ): Pick<RouteTo, 'interfaceIndex' | 'type'> | undefined;
}

/** What else the kernel chooses the route of a datagram by. */
export interface SendingSocket {
  readonly port: number;
  /** SO_MARK; 0: none. */
  readonly mark: number;
}

/**
 * Two conditions, those of the kernel's own WireGuard (socket.c): the source is an address of this host,
 * and the route *from it* to the peer leaves through the interface that the peer was heard on. A route
 * that would be chosen without the source says nothing: with two providers there is a table for each
 * source. Where there is no route at all, the source is not to blame, and the datagram fails anyway.
 *
 * The interface is not an order in the look-up, though it is one for an IPv4 datagram: asked for a way
 * through one interface, IPv4 takes every address to be on that link.
 */
export function sourceWorks(
  endpoint: Endpoint,
  routes: RouteLookup,
  { port, mark }: SendingSocket,
): boolean {
  const { address, scopeId, sourceAddress, sourceInterface } = endpoint;
  // The interface of a link-local address is not the routing table's choice.
  if (scopeId !== 0) return true;
  const route = lookUp(routes, address, {
    mark,
    udp: { sourcePort: port, destinationPort: endpoint.port },
    ...(sourceAddress && { source: sourceAddress }),
  });
  if (route && sourceInterface !== 0 && route.interfaceIndex !== sourceInterface) return false;
  if (!sourceAddress) return true;
  // IPv4 finds no route from an address that is not here; IPv6 does not look at that.
  if (route && sourceAddress.length === 4) return true;
  return lookUp(routes, sourceAddress, {})?.type === 'local';
}

function lookUp(
  routes: RouteLookup,
  address: Uint8Array,
  options: RouteToOptions,
): ReturnType<RouteLookup['routeTo']> {
  try {
    return routes.routeTo(address, options);
  } catch (error) {
    // It is prohibited or dropped.
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}
