/**
 * Which sticky sources a change of routes has made wrong.
 *
 * A source address that is gone shows itself when a datagram fails (`onSourceLost`). A route that now
 * leaves through another interface does not: the datagram would still leave through the old one.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import { SystemError } from '@litz/sys';

/** The route look-up of the kernel (RTM_GETROUTE), as `Netlink` has it. */
export interface RouteLookup {
  routeTo(
    address: Uint8Array,
    options?: { mark?: number },
  ): { readonly interfaceIndex: number } | undefined;
}

/**
 * The endpoints whose source should be forgotten (`withoutSource`): the kernel's route to them does
 * not leave through the interface their last datagram arrived on, or there is none. To be asked
 * after routes or addresses have changed; one look-up per endpoint with a source.
 *
 * @param mark the sockets' SO_MARK, which may choose another routing table
 */
export function staleSources(
  endpoints: Iterable<Endpoint>,
  netlink: RouteLookup,
  mark: number,
): Endpoint[] {
  const stale: Endpoint[] = [];
  for (const endpoint of endpoints) {
    if (endpoint.sourceInterface === 0) continue;
    // The interface of a link-local address is not the routing table's choice.
    if (endpoint.scopeId !== 0) continue;
    if (routeInterface(endpoint, netlink, mark) !== endpoint.sourceInterface) stale.push(endpoint);
  }
  return stale;
}

/** 0 if there is no route. */
function routeInterface(endpoint: Endpoint, netlink: RouteLookup, mark: number): number {
  try {
    return netlink.routeTo(endpoint.address, mark === 0 ? {} : { mark })?.interfaceIndex ?? 0;
  } catch (error) {
    if (error instanceof SystemError) return 0;
    throw error;
  }
}
