/**
 * Makes the `MeshRequest` of a node for the tests. Its cluster has three nodes, with IPv4 and IPv6.
 *
 * @module
 */
import { parseAddress, parseCidr, type Cidr } from '@litz/core';
import type { MeshRequest, RoutedPeer } from '../src/index.ts';

/**
 * Returns node N as a peer. Its pods have 10.244.N.0/24 and fd44:0:0:N::/64. The node itself has
 * 192.168.50.1N and fd50::1N.
 */
export function peer(number: number, more: Partial<RoutedPeer> = {}): RoutedPeer {
  return {
    name: `node-${number}`,
    endpoint: { address: parseAddress(`192.168.50.${10 + number}`) },
    addresses: [`192.168.50.${10 + number}`, `fd50::${10 + number}`],
    prefixes: prefixesOf(number),
    encryptsNode: true,
    ...more,
  };
}

export function prefixesOf(number: number): Cidr[] {
  return [parseCidr(`10.244.${number}.0/24`), parseCidr(`fd44:0:0:${number}::/64`)];
}

/** The request of node 1 with the peers 2 and 3, which have both answered. */
export function request(more: Partial<MeshRequest> = {}): MeshRequest {
  const peers = [peer(2), peer(3)];
  return {
    interfaceName: 'litz0',
    port: 51871,
    mode: 'pods',
    enforcement: 'enforce',
    own: {
      prefixes: prefixesOf(1),
      addresses: ['192.168.50.11', 'fd50::11'],
      encryptsNode: true,
    },
    peers,
    answered: new Set((more.peers ?? peers).map(({ name }) => name)),
    clusterPrefixes: [parseCidr('10.244.0.0/16'), parseCidr('fd44::/48')],
    registryAddresses: [],
    underlay: { mtu: 1500, links: ['eth0'], podLinks: ['eth0'] },
    ...more,
  };
}
