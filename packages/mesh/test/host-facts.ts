/**
 * `plainFacts`: the facts of a machine without any problem, for tests.
 *
 * @module
 */
import { parseCidr } from '@litz/core';
import type { HostFacts } from '../src/host/host-facts.ts';

/** Returns the facts of a node with a bridge for its pods and routes to other pods. */
export function plainFacts(more: Partial<HostFacts> = {}): HostFacts {
  return {
    cni: {
      family: 'routed',
      file: '/etc/cni/net.d/10-pods.conflist',
      network: 'pods',
      plugins: ['bridge'],
      prefixes: [parseCidr('10.244.1.0/24')],
      trouble: undefined,
    },
    underlay: { mtu: 1500, links: ['eth0'], podLinks: ['eth0'] },
    foreignEncryption: [],
    reversePathFilters: new Map([['eth0', 2]]),
    forwardDrops: [],
    forwarding: { 4: true, 6: true },
    networkd: 'absent',
    nft: 'nftables v1.0.6',
    foreignRoutes: [],
    foreignRules: [],
    portTaken: undefined,
    foreignInterface: undefined,
    addressTaken: [],
    nodeAddresses: ['192.168.50.11'],
    prefixes: [parseCidr('10.244.1.0/24')],
    ...more,
  };
}
