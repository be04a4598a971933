import { formatCidr, parseAddress, parseCidr } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { desireHost, encryptsOwnNode } from '../../src/plan/desire-host.ts';
import { tunnelAddresses } from '../../src/plan/peer-part.ts';
import { NODES_MARK, type MeshRequest } from '../../src/plan/desired-host.ts';
import { peer, prefixesOf, request } from '../requests.ts';

describe('desireHost', () => {
  test('sets up only the interface when the mesh is off, because other nodes may still send through the tunnel', () => {
    expect(desireHost(request({ enforcement: 'off' }))).toMatchObject({
      mark: 0,
      link: { mtu: 1420, addresses: ['10.244.1.0/32', 'fd44:0:0:1::/128'].map(parseCidr) },
      routes: [],
      looseLinks: [],
      ruleset: undefined,
    });
    expect(desireHost(request({ enforcement: 'off' })).rules.size).toBe(0);
  });

  test('routes packets to each peer into the tunnel, and leaves packets to the own pods to the main table', () => {
    expect(routes()).toEqual([
      '10.244.1.0/24 metric 0 throw',
      'fd44:0:0:1::/64 metric 1024 throw',
      '10.244.0.0/16 metric 4278198272 unreachable',
      'fd44::/48 metric 4278198272 unreachable',
      '10.244.2.0/24 metric 0 through the tunnel src 10.244.1.0',
      'fd44:0:0:2::/64 metric 1024 through the tunnel src fd44:0:0:1::',
      '10.244.3.0/24 metric 0 through the tunnel src 10.244.1.0',
      'fd44:0:0:3::/64 metric 1024 through the tunnel src fd44:0:0:1::',
    ]);
    expect(rules()).toEqual([
      'IPv4 priority 900: to 10.244.0.0/16 lookup 51871',
      'IPv6 priority 900: to fd44::/48 lookup 51871',
    ]);
  });

  test('with permissive, routes a peer only after it has answered, and refuses no packet', () => {
    expect(routes({ enforcement: 'permissive', answered: new Set(['node-3']) })).toEqual([
      '10.244.1.0/24 metric 0 throw',
      'fd44:0:0:1::/64 metric 1024 throw',
      '10.244.3.0/24 metric 0 through the tunnel src 10.244.1.0',
      'fd44:0:0:3::/64 metric 1024 through the tunnel src fd44:0:0:1::',
    ]);
  });

  test('uses a rule for every packet if no cluster prefix contains all pods', () => {
    const outside = [peer(2, { prefixes: [parseCidr('10.9.0.0/24')] })];

    expect(rules({ enforcement: 'permissive', clusterPrefixes: [] })).toEqual([
      'IPv4 priority 900: lookup 51871',
      'IPv6 priority 900: lookup 51871',
    ]);
    expect(rules({ peers: outside })).toEqual([
      'IPv4 priority 900: lookup 51871',
      'IPv6 priority 900: to fd44::/48 lookup 51871',
    ]);
    expect(routes({ peers: outside })).toContain('10.9.0.0/24 metric 4278198272 unreachable');
  });

  test('has no rule and no address of a family that no node has', () => {
    const own = { ...request().own, prefixes: prefixesOf(1).slice(0, 1) };
    const peers = [peer(2, { prefixes: prefixesOf(2).slice(0, 1) })];
    const only = { own, peers, clusterPrefixes: [parseCidr('10.244.0.0/16')] };

    expect(rules(only)).toEqual(['IPv4 priority 900: to 10.244.0.0/16 lookup 51871']);
    expect(desireHost(request(only)).link?.addresses.map(formatCidr)).toEqual(['10.244.1.0/32']);
  });

  test('routes packets to nodes into the tunnel, except packets with the mark of the daemon', () => {
    const all = {
      mode: 'nodes',
      registryAddresses: [{ address: 'fd50::13', port: 6443 }],
    } as const;

    expect(rules(all)).toEqual([
      'IPv6 priority 899: to fd50::13/128 ipproto tcp dport 6443 lookup main',
      'IPv4 priority 900: not fwmark 0x200000/0x200000 lookup 51871',
      'IPv6 priority 900: not fwmark 0x200000/0x200000 lookup 51871',
    ]);
    expect(desireHost(request(all)).mark).toBe(NODES_MARK);
    expect(routes(all)).toContain('192.168.50.12/32 metric 0 through the tunnel src 192.168.50.11');
    expect(routes(all)).toContain('fd50::12/128 metric 1024 through the tunnel src fd50::11');
    expect(routes(all)).toContain('192.168.50.13/32 metric 4278198272 unreachable');
    // fd50::13 serves the registry, and connections to the registry bypass the tunnel. So neighbour
    // discovery with fd50::13 must continue to work. The ruleset stops all other packets to
    // fd50::13.
    expect(routes(all)).not.toContain('fd50::13/128 metric 4278198272 unreachable');
  });

  test('lets answers of the registry bypass the tunnel if this node serves the registry', () => {
    const registryAddresses = [{ address: '192.168.50.11', port: 2379 }];

    expect(rules({ mode: 'all', registryAddresses })[0]).toBe(
      'IPv4 priority 899: from 192.168.50.11/32 ipproto tcp sport 2379 lookup main',
    );
  });

  test('has no route into the tunnel for a node that opted out, except in the mode `all`', () => {
    const peers = [peer(2, { encryptsNode: false })];
    const node = '192.168.50.12/32 metric 0 through the tunnel src 192.168.50.11';

    expect(routes({ mode: 'nodes', peers })).not.toContain(node);
    expect(routes({ mode: 'all', peers })).toContain(node);
  });

  test('encrypts only the traffic of pods if this node opted out, except in the mode `all`', () => {
    const own = { ...request().own, encryptsNode: false };

    expect(rules({ mode: 'nodes', own })).toEqual(rules());
    expect(encryptsOwnNode({ mode: 'all', own })).toBe(true);
  });

  test.each<[string, Partial<MeshRequest>, number]>([
    ['1500 and IPv4 outside', {}, 1440],
    ['1500 and IPv6 outside', { peers: [outerIpv6()] }, 1420],
    ['1500, without a peer', { peers: [] }, 1420],
    ['9001', { underlay: underlay(9001) }, 8941],
    ['1280, with IPv6 inside', { underlay: underlay(1280) }, 1280],
    ['an unknown MTU', { underlay: underlay(undefined) }, 1440],
    ['65535', { underlay: underlay(65535) }, 65456],
  ])('computes the MTU from the MTU of the underlay: %s', (_, more, mtu) => {
    expect(desireHost(request(more)).link?.mtu).toBe(mtu);
  });

  test('allows an MTU below 1280 without IPv6 inside', () => {
    const four = prefixesOf(1).slice(0, 1);
    const own = { ...request().own, prefixes: four };

    // The cluster has both families, but no node uses IPv6.
    const only = { own };
    const peers = [peer(2, { prefixes: prefixesOf(2).slice(0, 1) })];

    expect(desireHost(request({ own, peers: [], underlay: underlay(1280) })).link?.mtu).toBe(1200);
    // The interface has the right MTU, so the routes need no MTU of their own.
    expect(routes({ ...only, peers, underlay: underlay(1280) })).toContain(
      '10.244.2.0/24 metric 0 through the tunnel src 10.244.1.0',
    );
  });

  test('sets an MTU in IPv4 routes if IPv6 needs a larger MTU of the interface than fits the underlay', () => {
    const peers = [peer(2), peer(3, { endpoint: { address: parseAddress('fd50::13') } })];
    const small = { peers, underlay: underlay(1300) };

    expect(desireHost(request(small)).link?.mtu).toBe(1280);
    expect(routes(small).filter((text) => text.includes('through the tunnel'))).toEqual([
      '10.244.2.0/24 metric 0 through the tunnel src 10.244.1.0 mtu 1232',
      'fd44:0:0:2::/64 metric 1024 through the tunnel src fd44:0:0:1::',
      '10.244.3.0/24 metric 0 through the tunnel src 10.244.1.0 mtu 1216',
      'fd44:0:0:3::/64 metric 1024 through the tunnel src fd44:0:0:1::',
    ]);
    expect(desireHost(request(small)).ruleset).toContain(
      'nfproto ipv4 tcp flags & (syn | rst) == syn tcp option maxseg size set 1176',
    );
    expect(desireHost(request(small)).ruleset).toContain(
      'nfproto ipv6 tcp flags & (syn | rst) == syn tcp option maxseg size set 1220',
    );
    const larger = routes({ ...small, underlay: underlay(1360) });
    expect(larger.some((text) => text.includes('mtu'))).toBe(false);
  });

  test('makes the reverse path filters of the underlay loose, and with permissive also those of the links to pods', () => {
    const links = { underlay: { mtu: 1500, links: ['eth0'], podLinks: ['flannel.1', 'eth0'] } };

    expect(desireHost(request(links)).looseLinks).toEqual(['eth0']);
    expect(desireHost(request({ ...links, enforcement: 'permissive' })).looseLinks).toEqual([
      'eth0',
      'flannel.1',
    ]);
  });

  test('refuses to enforce without a cluster prefix', () => {
    expect(() => desireHost(request({ clusterPrefixes: [] }))).toThrow(
      /"clusterPrefixes" expected/,
    );
  });
});

describe('tunnelAddresses', () => {
  test.each([
    [
      ['10.244.1.0/24', 'fd44:0:0:1::/64'],
      ['10.244.1.0/32', 'fd44:0:0:1::/128'],
    ],
    [['10.244.1.5/32', '10.244.2.64/26'], ['10.244.2.64/32']],
    [['10.244.1.4/31'], []],
    [[], []],
  ])('of %j are %j', (prefixes, addresses) => {
    expect(tunnelAddresses(prefixes.map(parseCidr)).map(formatCidr)).toEqual(addresses);
  });
});

function outerIpv6(): MeshRequest['peers'][number] {
  return peer(2, { endpoint: { address: parseAddress('fd50::12') } });
}

function underlay(mtu: number | undefined): MeshRequest['underlay'] {
  return { mtu, links: ['eth0'], podLinks: [] };
}

function routes(more: Partial<MeshRequest> = {}): string[] {
  return [...desireHost(request(more)).routes].flatMap((list) => list.map(({ text }) => text));
}

function rules(more: Partial<MeshRequest> = {}): string[] {
  return [...desireHost(request(more)).rules.keys()];
}
