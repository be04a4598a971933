/**
 * Tests which nodes are accepted as peers.
 *
 * @module
 */
import { formatCidr, parseCidr } from '@litz/core';
import { describe, expect, test } from 'vitest';
import {
  describeMembershipEvent,
  type MembershipEvent,
} from '../../src/membership/membership-event.ts';
import type { MembershipContext } from '../../src/membership/membership-context.ts';
import { Membership } from '../../src/membership/membership.ts';
import type { MeshPeer } from '../../src/membership/mesh-peer.ts';
import { RecordError, type NodeRecord, type ReadRecord } from '../../src/record/node-record.ts';
import { keyOf, recordOf } from '../records.ts';
import { contextOf } from './contexts.ts';

describe('Membership', () => {
  test('accepts nodes that do not clash, and leaves out this node', () => {
    const { membership, events } = synced(recordOf(0), recordOf(1), recordOf(2));
    expect([...membership.peers.keys()]).toEqual(['n1', 'n2']);
    expect(events).toEqual([
      { kind: 'joined', node: 'n1' },
      { kind: 'joined', node: 'n2' },
    ]);
    expect(String(membership.peers.get('n1')?.endpoint)).toBe('192.0.2.1:51871');
  });

  describe('ownership', () => {
    test.each<[string, Partial<NodeRecord>, string]>([
      ['key', { keys: recordOf(1).keys }, 'keys[0].publicKey'],
      ['prefix', { prefixes: recordOf(1).prefixes }, 'prefixes[0]'],
      ['part of a prefix', { prefixes: [parseCidr('10.244.1.128/25')] }, 'prefixes[0]'],
      ['address', { addresses: ['192.0.2.1'] }, 'addresses[0]'],
    ])(
      'refuses a record that claims the %s of an accepted record, and names both nodes',
      (_what, claim, field) => {
        const { membership } = synced(recordOf(1));
        const before = membership.peers.get('n1');
        const events = membership.record('n2', recordOf(2, claim));
        expect(events).toMatchObject([{ kind: 'refused', node: 'n2', field, holder: 'n1' }]);
        expect(describeMembershipEvent(events[0])).toMatch(/node n2 .*node n1/);
        expect(membership.peers.get('n1')).toBe(before);
        expect(membership.peers.has('n2')).toBe(false);
      },
    );

    test('accepts a refused record when the holder leaves or changes', () => {
      const { membership } = synced(recordOf(1));
      membership.record('n2', recordOf(2, { prefixes: recordOf(1).prefixes }));
      membership.record('n3', recordOf(3, { keys: recordOf(1).keys }));
      const moved = { prefixes: [parseCidr('10.244.9.0/24')] };
      expect(kinds(membership.record('n1', recordOf(1, moved)))).toEqual([
        'changed n1',
        'joined n2',
      ]);
      expect(kinds(membership.gone('n1', 'deleted', 0))).toEqual(['left n1', 'joined n3']);
    });

    test.each(['deleted', 'expired'] as const)('reports that a refused record is %s', (why) => {
      const { membership } = synced(recordOf(1));
      membership.record('n2', recordOf(2, { keys: recordOf(1).keys }));
      membership.record('n3', new RecordError('n3', 'text', 'is no JSON'));
      expect(membership.gone('n2', why, 0)).toEqual([{ kind: 'dropped', node: 'n2' }]);
      expect(membership.gone('n3', why, 0)).toEqual([{ kind: 'dropped', node: 'n3' }]);
      expect(membership.gone('n3', why, 0)).toEqual([]);
    });

    test('reports that the refused record of a peer has expired, and refuses it again when it is back', () => {
      const { membership } = synced(recordOf(1), recordOf(2));
      const claim = recordOf(2, { keys: recordOf(1).keys });
      membership.record('n2', claim);
      expect(kinds(membership.gone('n2', 'expired', 0))).toEqual(['dropped n2', 'expired n2']);
      expect(kinds(membership.record('n2', claim))).toEqual(['returned n2', 'refused n2']);
    });

    test('reports a refused record that is missing from a complete list', () => {
      const { membership } = synced(recordOf(1), recordOf(2, { keys: recordOf(1).keys }));
      const list = new Map([['n1', recordOf(1)]]);
      expect(membership.sync(list, 0)).toEqual([{ kind: 'dropped', node: 'n2' }]);
    });

    test('reports that a peer has given up a refused claim', () => {
      const { membership } = synced(recordOf(1), recordOf(2));
      membership.record('n2', recordOf(2, { keys: recordOf(1).keys }));
      expect(membership.record('n2', recordOf(2))).toEqual([{ kind: 'dropped', node: 'n2' }]);
      expect(membership.record('n2', recordOf(2))).toEqual([]);
    });

    test('reports a refused claim once', () => {
      const { membership } = synced(recordOf(1));
      const claim = recordOf(2, { keys: recordOf(1).keys });
      expect(membership.record('n2', claim)).toHaveLength(1);
      expect(membership.record('n2', claim)).toEqual([]);
      expect(membership.record('n3', recordOf(3))).toHaveLength(1);
    });

    test('keeps the claims of a node whose change clashes with another node', () => {
      const { membership } = synced(recordOf(1), recordOf(2));
      const before = membership.peers.get('n2');
      const grab = { prefixes: [...recordOf(2).prefixes, ...recordOf(1).prefixes] };
      expect(membership.record('n2', recordOf(2, grab))).toMatchObject([
        { kind: 'refused', node: 'n2', field: 'prefixes[1]', holder: 'n1', keepsPeer: true },
      ]);
      expect(membership.peers.get('n2')).toBe(before);
    });

    test('lets nodes exchange their claims when the last of them has changed its record', () => {
      const { membership } = synced(recordOf(1), recordOf(2), recordOf(3));
      membership.record('n1', turned(1, 2));
      membership.record('n2', turned(2, 3));
      expect(prefixesOf(membership)).toEqual([
        'n1 10.244.1.0/24',
        'n2 10.244.2.0/24',
        'n3 10.244.3.0/24',
      ]);
      membership.record('n3', turned(3, 1));
      expect(prefixesOf(membership)).toEqual([
        'n1 10.244.2.0/24',
        'n2 10.244.3.0/24',
        'n3 10.244.1.0/24',
      ]);
    });

    test('lets no node exchange its claims if one of the exchanging records is refused', () => {
      const { membership } = synced(recordOf(1), recordOf(2));
      membership.record('n1', recordOf(1, { prefixes: recordOf(2).prefixes }));
      const bad = { prefixes: recordOf(1).prefixes, keys: recordOf(0).keys };
      membership.record('n2', recordOf(2, bad));
      expect(prefixesOf(membership)).toEqual(['n1 10.244.1.0/24', 'n2 10.244.2.0/24']);
    });

    test('does not depend on the order of the first list', () => {
      const older = recordOf(1);
      const younger = recordOf(2, {
        prefixes: older.prefixes,
        keys: [{ ...recordOf(2).keys[0], createdAt: older.keys[0].createdAt + 1 }],
      });
      for (const list of [
        [older, younger],
        [younger, older],
      ]) {
        expect([...synced(...list).membership.peers.keys()]).toEqual(['n1']);
      }
    });
  });

  describe('when a record changes', () => {
    test.each<[string, Partial<NodeRecord>]>([
      ['address', { addresses: ['192.0.2.77'] }],
      ['key', { keys: [{ publicKey: keyOf(9), generation: 2, createdAt: 1_770_000_000_000 }] }],
      ['prefix', { prefixes: [parseCidr('10.244.77.0/24')] }],
      ['port', { port: 4500 }],
    ])('follows a node that comes back with another %s', (_what, change) => {
      const { membership } = synced(recordOf(1));
      expect(kinds(membership.record('n1', recordOf(1, change)))).toEqual(['changed n1']);
      const { endpoint, keys, prefixes } = membership.peers.get('n1')!;
      const expected = recordOf(1, change);
      expect(keys).toEqual(expected.keys);
      expect(prefixes).toEqual(expected.prefixes);
      expect(String(endpoint)).toBe(`${expected.addresses[0]}:${expected.port}`);
    });

    test('gives the same object for a peer that has not changed', () => {
      const { membership } = synced(recordOf(1));
      const before = membership.peers.get('n1');
      expect(membership.sync(listOf(recordOf(1)), 0)).toEqual([]);
      expect(membership.changeContext(contextOf())).toEqual([]);
      expect(membership.peers.get('n1')).toBe(before);
    });

    test('ignores a record whose key has an older generation, and reports it as stale', () => {
      const keys = [{ publicKey: keyOf(9), generation: 2, createdAt: 1_770_000_000_000 }];
      const { membership } = synced(recordOf(1, { keys }));
      expect(membership.sync(listOf(recordOf(1)), 0)).toEqual([
        { kind: 'stale', node: 'n1', seen: 2, got: 1 },
      ]);
      expect(membership.peers.get('n1')?.keys).toEqual(keys);
    });

    test('forgets the generations of a node that was deleted', () => {
      const keys = [{ publicKey: keyOf(9), generation: 2, createdAt: 1_770_000_000_000 }];
      const { membership } = synced(recordOf(1, { keys }));
      membership.gone('n1', 'deleted', 0);
      expect(kinds(membership.record('n1', recordOf(1)))).toEqual(['joined n1']);
    });
  });

  describe('a bad record', () => {
    const bad = new RecordError('n1', 'prefixes[0]', 'is everything');

    test('is refused with the name of the field, and changes no peer', () => {
      const { membership } = synced(recordOf(1), recordOf(2));
      expect(membership.record('n1', bad)).toEqual([
        {
          kind: 'refused',
          node: 'n1',
          field: 'prefixes[0]',
          reason: 'is everything',
          keepsPeer: true,
        },
      ]);
      expect([...membership.peers.keys()]).toEqual(['n1', 'n2']);
      expect(membership.record('n1', bad)).toEqual([]);
      expect(kinds(membership.record('n1', recordOf(1)))).toEqual(['dropped n1']);
      expect(membership.record('n1', bad)).toHaveLength(1);
    });

    test('does not release the claims in the last valid record of its node', () => {
      const { membership } = synced(recordOf(1));
      membership.record('n1', bad);
      const claim = recordOf(2, { prefixes: recordOf(1).prefixes });
      expect(membership.record('n2', claim)).toMatchObject([{ kind: 'refused', holder: 'n1' }]);
    });

    test('makes no peer of a new node', () => {
      const { membership } = synced();
      expect(membership.record('n1', bad)).toMatchObject([{ keepsPeer: false }]);
      expect(membership.peers.size).toBe(0);
      expect(kinds(membership.gone('n1', 'expired', 0))).toEqual(['dropped n1']);
    });
  });

  describe('a node that leaves', () => {
    test.each<[string, (membership: Membership) => MembershipEvent[]]>([
      ['deleted', (membership) => membership.gone('n1', 'deleted', 0)],
      ['revoked', (membership) => membership.record('n1', recordOf(1, { revoked: true }))],
      [
        'revoked in a list',
        (membership) => membership.sync(listOf(recordOf(1, { revoked: true })), 0),
      ],
    ])('is removed at once if it is %s, even if its sessions are renewed', (_what, go) => {
      const { membership } = synced(recordOf(1));
      membership.renewing(new Set(['n1']), 0);
      expect(go(membership)).toEqual([{ kind: 'left', node: 'n1', why: 'deleted' }]);
      expect(membership.peers.size).toBe(0);
    });

    test('is kept after its record has expired as long as its sessions are renewed', () => {
      const { membership } = synced(recordOf(1));
      expect(membership.gone('n1', 'expired', 1000)).toEqual([{ kind: 'expired', node: 'n1' }]);
      for (let now = 1000; now <= 1_801_000; now += 60_000) {
        expect(membership.renewing(new Set(['n1']), now)).toEqual([]);
      }
      expect(membership.deadline).toBeUndefined();
      expect(membership.renewing(new Set(), 1_801_001)).toEqual([]);
      const { deadline } = membership;
      expect(deadline).toBe(1_801_000 + 270_000);
      expect(membership.renewing(new Set(), deadline! - 1)).toEqual([]);
      expect(membership.renewing(new Set(), deadline!)).toEqual([
        { kind: 'left', node: 'n1', why: 'silent' },
      ]);
      expect(membership.deadline).toBeUndefined();
    });

    test('is treated as expired if it is missing from a list', () => {
      const { membership } = synced(recordOf(1), recordOf(2));
      expect(kinds(membership.sync(listOf(recordOf(2)), 0))).toEqual(['expired n1']);
      expect(membership.peers.size).toBe(2);
    });

    test('is kept if its record comes back', () => {
      const { membership } = synced(recordOf(1));
      membership.gone('n1', 'expired', 0);
      expect(kinds(membership.record('n1', recordOf(1)))).toEqual(['returned n1']);
      expect(membership.renewing(new Set(), 1_000_000)).toEqual([]);
      expect(membership.deadline).toBeUndefined();
    });

    test('loses its claims after its record has expired if another node claims them, and the event names both nodes', () => {
      const { membership } = synced(recordOf(1));
      membership.renewing(new Set(['n1']), 0);
      membership.gone('n1', 'expired', 0);
      const claim = recordOf(2, { prefixes: recordOf(1).prefixes });
      expect(membership.record('n2', claim)).toEqual([
        { kind: 'left', node: 'n1', why: 'replaced', by: 'n2' },
        { kind: 'joined', node: 'n2' },
      ]);
      expect(prefixesOf(membership)).toEqual(['n2 10.244.1.0/24']);
    });

    test('loses no claims to a record that is refused for another reason', () => {
      const { membership } = synced(recordOf(1), recordOf(2));
      membership.gone('n1', 'expired', 0);
      const both = recordOf(3, { prefixes: [...recordOf(1).prefixes, ...recordOf(2).prefixes] });
      expect(membership.record('n3', both)).toMatchObject([{ kind: 'refused', holder: 'n2' }]);
      expect(prefixesOf(membership)).toEqual(['n1 10.244.1.0/24', 'n2 10.244.2.0/24']);
    });
  });

  describe('after a restart', () => {
    test('has the remembered peers at once, and drops none before a complete list', () => {
      const membership = restarted(contextOf());
      expect(prefixesOf(membership)).toEqual(['n1 10.244.1.0/24', 'n2 10.244.2.0/24']);
      expect(membership.isSynced).toBe(false);
      expect(membership.deadline).toBeUndefined();
      expect(membership.renewing(new Set(), 10_000_000)).toEqual([]);
      expect(membership.peers.size).toBe(2);
    });

    test('reports nothing for unchanged records', () => {
      const membership = restarted(contextOf());
      const before = membership.peers.get('n1');
      expect(kinds(membership.sync(listOf(recordOf(1)), 0))).toEqual(['expired n2']);
      expect(membership.peers.get('n1')).toBe(before);
    });

    test('gives no claim of a remembered node to another node', () => {
      const membership = restarted(contextOf());
      const keys = [{ ...recordOf(3).keys[0], createdAt: 1 }];
      const thief = recordOf(3, { prefixes: recordOf(1).prefixes, keys });
      membership.sync(listOf(thief, recordOf(1), recordOf(2)), 0);
      expect([...membership.peers.keys()]).toEqual(['n1', 'n2']);
    });

    test('forgets remembered peers that clash with this node', () => {
      const context = contextOf({ ownPrefixes: recordOf(1).prefixes });
      const membership = restarted(context);
      expect([...membership.peers.keys()]).toEqual(['n2']);
    });

    test('removes a remembered node at once if its record was deleted', () => {
      const membership = restarted(contextOf());
      expect(kinds(membership.gone('n1', 'deleted', 0))).toEqual(['left n1']);
    });
  });

  describe('when this node changes', () => {
    test('refuses a peer that clashes with the new claims of this node, and accepts the peer again when these claims are gone', () => {
      const { membership } = synced(recordOf(1), recordOf(2));
      const changed = contextOf({ ownPrefixes: recordOf(1).prefixes });
      const events = membership.changeContext(changed);
      expect(kinds(events)).toEqual(['left n1', 'refused n1']);
      expect(events[1]).toMatchObject({ field: 'prefixes[0]' });
      expect(kinds(membership.changeContext(contextOf()))).toEqual(['joined n1']);
    });

    test('forgets an expired peer that clashes with the new claims of this node', () => {
      const { membership } = synced(recordOf(1));
      membership.gone('n1', 'expired', 0);
      const changed = contextOf({ ownPrefixes: recordOf(1).prefixes });
      expect(kinds(membership.changeContext(changed))).toEqual(['left n1']);
      expect(membership.changeContext(contextOf())).toEqual([]);
    });

    test('reaches peers at other addresses when the address families of this node change', () => {
      const { membership } = synced(recordOf(1, { addresses: ['2001:db8::1', '192.0.2.1'] }));
      membership.changeContext(contextOf({ ownAddresses: ['192.0.2.100'] }));
      expect(String(membership.peers.get('n1')?.endpoint)).toBe('192.0.2.1:51871');
    });

    test('reports that another machine has the name of this node', () => {
      const { membership } = synced();
      expect(membership.record('n0', recordOf(0))).toEqual([]);
      const other = recordOf(0, { keys: recordOf(9).keys });
      expect(membership.record('n0', other)).toEqual([{ kind: 'own-name', node: 'n0' }]);
      expect(membership.record('n0', new RecordError('n0', 'port', 'is bad'))).toEqual([]);
      expect(membership.peers.size).toBe(0);
    });
  });

  test('processes one change among 5,000 nodes in less than 5 ms of CPU time', () => {
    const records = Array.from({ length: 5000 }, (_, i) => manyOf(i));
    const context = contextOf({ ownPrefixes: [], clusterPrefixes: [] });
    const membership = new Membership(context);
    membership.sync(listOf(...records), 0);
    expect(membership.peers.size).toBe(5000);
    const before = process.cpuUsage();
    for (let i = 0; i < 100; i++) membership.record('m7', { ...manyOf(7), port: 1000 + i });
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000 / 100).toBeLessThan(5);
  });
});

function synced(...records: NodeRecord[]): { membership: Membership; events: MembershipEvent[] } {
  const membership = new Membership(contextOf());
  const events = membership.sync(listOf(...records), 0);
  return { membership, events };
}

function listOf(...records: NodeRecord[]): Map<string, ReadRecord> {
  return new Map(records.map((record) => [record.name, record]));
}

function kinds(events: MembershipEvent[]): string[] {
  return events.map(({ kind, node }) => `${kind} ${node}`);
}

/** The record of one node with the prefixes of another one. */
function turned(from: number, to: number): NodeRecord {
  return recordOf(from, { prefixes: recordOf(to).prefixes });
}

function prefixesOf({ peers }: { peers: ReadonlyMap<string, MeshPeer> }): string[] {
  return [...peers.values()]
    .map(({ name, prefixes }) => `${name} ${prefixes.map(formatCidr).join()}`)
    .toSorted();
}

function manyOf(number: number): NodeRecord {
  const bytes = `${number >> 8}.${number & 255}`;
  return recordOf(0, {
    name: `m${number}`,
    addresses: [`100.64.${bytes}`],
    keys: [{ publicKey: keyOf(number + 1000), generation: 1, createdAt: number }],
    prefixes: [parseCidr(`10.${bytes}.0/24`)],
  });
}

/** A membership that remembers nodes 1 and 2, which were accepted before the restart. */
function restarted(context: MembershipContext): Membership {
  const membership = new Membership(context);
  membership.remember([recordOf(1), recordOf(2)], 0);
  return membership;
}
