import { array, assert, constantFrom, integer, property, record } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DesiredHostCache, desireHost, desireHostWith } from '../../src/plan/desire-host.ts';
import type { MeshRequest, RoutedPeer } from '../../src/plan/desired-host.ts';
import { WantedRoutes } from '../../src/routes/wanted-routes.ts';
import { RUNS } from '../records.ts';
import { peer, prefixesOf, request } from '../requests.ts';

describe('HostRoutes', () => {
  test('makes the routes of a peer once', () => {
    const cache = new DesiredHostCache();
    const peers = mapOf([peer(2), peer(3)]);
    const { answered, ...common } = request();
    const before = desireHostWith(cache, common, { peers, answered }).routes;
    const listsBefore = [...before];
    peers.delete('node-3');
    peers.set('node-4', peer(4));
    const changed = new Set(['node-3', 'node-4']);
    const after = desireHostWith(cache, common, { peers, answered, changed });

    const listsAfter = [...after.routes];
    expect(listsAfter[2]).toBe(listsBefore[2]);
    expect(after.difference?.from).toBe(before);
    expect(after.difference?.removed).toEqual([listsBefore[3]]);
    expect(after.difference?.added).toEqual([listsAfter[3]]);
    // In another mode, the routes are other objects.
    const nodes = desireHostWith(
      cache,
      { ...common, mode: 'nodes' },
      { peers, answered, changed: new Set() },
    );
    expect([...nodes.routes][2]).not.toBe(listsBefore[2]);
  });

  test('returns the same objects for routes that have not changed', () => {
    const cache = new DesiredHostCache();
    const { answered, peers: list, ...common } = request();
    const peers = mapOf(list);
    const before = desireHostWith(cache, common, { peers, answered }).routes;
    const after = desireHostWith(cache, common, { peers, answered, changed: new Set() });
    expect(after.routes).toBe(before);
    expect(after.difference).toMatchObject({ removed: [], added: [] });
  });

  test('gives, after any sequence of changes, the same routes as a computation from the beginning', () => {
    assert(
      property(array(event, { minLength: 1, maxLength: 12, size: 'max' }), (events) => {
        const cache = new DesiredHostCache();
        const wanted = new WantedRoutes();
        const peers = new Map<string, RoutedPeer>();
        const answered = new Set<string>();
        let settings: Partial<MeshRequest> = {};
        for (const { number, what, others } of events) {
          const name = `node-${number}`;
          if (what === 'goes') peers.delete(name);
          else if (what === 'answers') answered.add(name);
          else if (what === 'is silent') answered.delete(name);
          else if (what === 'settings') settings = others;
          else peers.set(name, peer(number, PEERS[what](number)));
          const common = request(settings);
          const changed = new Set(what === 'settings' ? [] : [name]);
          const desired = desireHostWith(cache, common, { peers, answered, changed });
          const anew = desireHost({ ...common, peers: [...peers.values()], answered });
          wanted.want(desired);
          const { difference: _, routes: lists, ...rest } = desired;
          const { difference: _anew, routes: listsAnew, ...restAnew } = anew;
          expect(rest).toEqual(restAnew);
          expect(textsOf(lists)).toEqual(textsOf(listsAnew));
          expect(textsOf([[...wanted.byKey.values()]])).toEqual(textsOf(listsAnew));
        }
      }),
      { numRuns: RUNS },
    );
  });
});

const PEERS = {
  comes: () => ({}),
  'comes with IPv4': (number: number) => ({ prefixes: prefixesOf(number).slice(0, 1) }),
  moves: () => ({ prefixes: [] }),
};

const event = record({
  number: integer({ min: 2, max: 5 }),
  what: constantFrom(
    'comes',
    'comes with IPv4',
    'moves',
    'goes',
    'answers',
    'is silent',
    'settings',
  ),
  others: record(
    {
      mode: constantFrom<MeshRequest['mode'][]>('pods', 'nodes', 'all'),
      enforcement: constantFrom<MeshRequest['enforcement'][]>('off', 'permissive', 'enforce'),
      // If the MTU of the underlay is 1300, the MTU of IPv4 routes depends on whether a node has IPv6.
      underlay: constantFrom(...[1500, 1300].map((mtu) => ({ ...request().underlay, mtu }))),
      own: constantFrom(request().own, { ...request().own, prefixes: prefixesOf(1).slice(0, 1) }),
    },
    { requiredKeys: [] },
  ),
});

function textsOf(lists: Iterable<readonly { text: string }[]>): string[] {
  return [...lists].flatMap((list) => list.map(({ text }) => text)).toSorted();
}

function mapOf(peers: readonly RoutedPeer[]): Map<string, RoutedPeer> {
  return new Map(peers.map((one) => [one.name, one]));
}
