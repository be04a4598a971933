import { describe, expect, test } from 'vitest';
import type { MeshRequest } from '../../src/plan/desired-host.ts';
import { desireHost } from '../../src/plan/desire-host.ts';
import { peer, request } from '../requests.ts';

describe('meshRuleset', () => {
  test('has no backstop with the enforcement permissive', () => {
    expect(chains({ enforcement: 'permissive' })).toEqual(['sources', 'clamp']);
    expect(chains()).toEqual(['forward', 'leaving', 'ingress', 'sources', 'clamp']);
  });

  test('replaces the previous table in one transaction', () => {
    expect(ruleset().split('\n').slice(0, 3)).toEqual([
      'table inet litz',
      'delete table inet litz',
      'table inet litz {',
    ]);
  });

  test('treats every address of the cluster prefix outside the own prefixes as a pod of another node', () => {
    expect(ruleset()).toContain('10.244.0.0-10.244.0.255, 10.244.2.0-10.244.255.255');
    expect(ruleset()).toContain('fd44::-fd44::ffff:ffff:ffff:ffff');
  });

  test('has the same text for any number of peers', () => {
    const many = Array.from({ length: 200 }, (_, i) => peer(i + 2));

    for (const mode of ['pods', 'nodes', 'all'] as const) {
      expect(ruleset({ mode, peers: many })).toBe(ruleset({ mode, peers: [peer(2)] }));
    }
  });

  test('gives packets of the node itself the source address of the tunnel', () => {
    expect(ruleset()).toContain('oifname "litz0" ip saddr != @own4 snat ip to 10.244.1.0');
    expect(ruleset()).toContain('oifname "litz0" ip6 saddr != @own6 snat ip6 to fd44:0:0:1::');
  });

  test('keeps the source address of the node in mode nodes, except in packets to pods', () => {
    const text = ruleset({ mode: 'nodes' });

    expect(text).toContain('ip daddr @remote4 ip saddr != @own4 snat ip to 10.244.1.0');
    expect(text).toContain('ip saddr != @own4 ip saddr != @node4 snat ip to 192.168.50.11');
    expect(text).toContain('fib saddr oifname "litz0" counter drop');
  });

  test('lets packets to the registry out, and the answers of the registry in', () => {
    const registryAddresses = [
      { address: '192.168.50.12', port: 6443 },
      { address: 'fd50::11', port: 2379 },
    ];
    const text = ruleset({ mode: 'all', registryAddresses });

    expect(text).toContain('ip daddr 192.168.50.12 tcp dport 6443 accept');
    expect(text).toContain('ip saddr 192.168.50.12 tcp sport 6443 accept');
    expect(text).toContain('ip6 daddr fd50::11 tcp dport 2379 accept');
    expect(text).toContain('ip daddr @registry4 counter drop');
  });

  test('clamps the MSS of TCP to the MTU of the tunnel, in both directions', () => {
    const text = ruleset();

    expect(text).toMatch(/oifname "litz0" .*maxseg size set rt mtu/);
    expect(text).toMatch(/iifname "litz0" meta nfproto ipv4 .*maxseg size set 1400/);
    expect(text).toMatch(/iifname "litz0" meta nfproto ipv6 .*maxseg size set 1380/);
  });

  test('stops packets to removed pods of this node from leaving by the underlay', () => {
    expect(ruleset()).toContain('oifname { "eth0" } ip daddr @own4 counter drop');
    const underlay = { mtu: undefined, links: [], podLinks: [] };
    expect(ruleset({ underlay })).not.toContain('ip daddr @own4 counter drop');
  });
});

function ruleset(more: Partial<MeshRequest> = {}): string {
  return desireHost(request(more)).ruleset ?? '';
}

function chains(more: Partial<MeshRequest> = {}): (string | undefined)[] {
  return [...ruleset(more).matchAll(/chain (\w+) \{/g)].map(([, name]) => name);
}
