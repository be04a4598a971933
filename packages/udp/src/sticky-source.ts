/**
 * `sourceWorks`: checks whether a sticky source still works. A sticky source is the local address
 * and interface on which a peer was last heard.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import { SystemError, type RouteTo, type RouteToOptions } from '@litz/sys';

/** The route look-up of the kernel (RTM_GETROUTE), as `Netlink` provides it. */
export interface RouteLookup {
  /** Returns the route to an address of 4 or 16 bytes; undefined if there is none. */
  routeTo(
    address: Uint8Array,
    options?: RouteToOptions,
  ): Pick<RouteTo, 'interfaceIndex' | 'type'> | undefined;
}

/** Properties of the socket that affect the choice of a route. */
export interface SendingSocket {
  /** The local port, 1 to 65535. */
  readonly port: number;
  /** SO_MARK; 0: none. */
  readonly mark: number;
}

/**
 * Whether the sticky source of an endpoint works. The two conditions are those of the kernel's
 * WireGuard (socket.c): the source is an address of this host, and the route *from this address* to
 * the peer leaves through the interface on which the peer was heard. The route that the kernel
 * would choose without the source says nothing: on a host with two Internet providers, each source
 * has a routing table of its own. If there is no route at all, the source is not the cause, and the
 * datagram fails anyway.
 *
 * An IPv4 datagram prescribes its interface, but the look-up does not. If a look-up prescribed an
 * interface, IPv4 would treat every address as directly on that link.
 */
export function sourceWorks(
  endpoint: Endpoint,
  routes: RouteLookup,
  { port, mark }: SendingSocket,
): boolean {
  const { address, scopeId, sourceAddress, sourceInterface } = endpoint;
  // The interface of a link-local address is not chosen by the routing table.
  if (scopeId !== 0) return true;
  const route = lookUp(routes, address, {
    mark,
    udp: { sourcePort: port, destinationPort: endpoint.port },
    ...(sourceAddress && { source: sourceAddress }),
  });
  if (route && sourceInterface !== 0 && route.interfaceIndex !== sourceInterface) return false;
  if (!sourceAddress) return true;
  // IPv4 finds no route from an address that is not local. IPv6 does not check whether the source
  // is local.
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
    // The route prohibits or drops packets.
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}
