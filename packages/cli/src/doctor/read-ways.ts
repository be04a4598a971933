/**
 * `readOuter` and `readInner`: where the kernel sends packets of a tunnel.
 *
 * @module
 */
import { formatAddress, formatCidr, type Cidr, type Endpoint } from '@litz/core';
import type { Netlink, RouteTo } from '@litz/sys';
import { contains } from './prefix-contains.ts';
import type { InnerWay, OuterWay } from './tunnel-facts.ts';

/**
 * Returns the way of datagrams with this mark to an endpoint.
 *
 * @param name the interface of the tunnel
 */
export function readOuter(
  netlink: Netlink,
  { address }: Endpoint,
  { name, mark }: { readonly name: string; readonly mark: number },
): OuterWay {
  const route = routeTo(netlink, address, mark);
  const link = route && netlink.linkByIndex(route.interfaceIndex);
  const unmarked = routeTo(netlink, address, 0);
  const mtu = route?.mtu ?? link?.mtu;
  return {
    link: link?.name,
    isLoop: link?.name === name,
    source: route?.source && formatAddress(route.source),
    mtu,
    unmarkedLink: unmarked && netlink.linkByIndex(unmarked.interfaceIndex)?.name,
  };
}

/**
 * Returns the way of packets to one address of the prefix.
 *
 * @param own the addresses of the tunnel's interface
 */
export function readInner(
  netlink: Netlink,
  prefix: Readonly<Cidr>,
  own: readonly Readonly<Cidr>[],
): InnerWay {
  const address = addressIn(prefix, own);
  const route = routeTo(netlink, address, 0);
  return {
    prefix: formatCidr(prefix),
    address: formatAddress(address),
    link: route && netlink.linkByIndex(route.interfaceIndex)?.name,
  };
}

/** Returns undefined if the kernel would not send a packet there. */
function routeTo(netlink: Netlink, address: Uint8Array, mark: number): RouteTo | undefined {
  try {
    const route = netlink.routeTo(address, mark === 0 ? {} : { mark });
    return route && ['unicast', 'local'].includes(route.type) ? route : undefined;
  } catch {
    // A route prohibits the packet, or drops it.
    return undefined;
  }
}

/** Returns an address of the prefix. If possible, it does not belong to this machine. */
function addressIn(prefix: Readonly<Cidr>, own: readonly Readonly<Cidr>[]): Uint8Array {
  const { length } = prefix.address;
  const usual = USUAL.find((address) => contains(prefix, address));
  if (usual) return usual;
  if (prefix.prefixLength >= length * 8 - 1) return prefix.address;
  for (let last = 1; ; last++) {
    const address = prefix.address.slice();
    address[length - 1]! |= last;
    const isOurs = own.some((one) => Buffer.compare(one.address, address) === 0);
    if (!isOurs || last > 2) return address;
  }
}

/**
 * Addresses for documentation (RFC 5737, RFC 3849). None of them is in the prefix 0.0.0.0/1, so
 * 8.0.0.1 is used for this prefix.
 */
const USUAL: readonly Uint8Array[] = [
  Uint8Array.of(192, 0, 2, 1),
  Uint8Array.of(8, 0, 0, 1),
  Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
];
