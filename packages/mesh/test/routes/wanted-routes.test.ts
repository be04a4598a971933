import { parseCidr } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { meshRoute, type MeshRoute } from '../../src/plan/mesh-route.ts';
import { WantedRoutes } from '../../src/routes/wanted-routes.ts';

describe('WantedRoutes', () => {
  test('suspects each route that is added or removed, but no route that stays', () => {
    const wanted = new WantedRoutes();
    const [kept, gone, came] = [[route(1)], [route(2)], [route(3)]] as const;
    wanted.want({ routes: [kept, gone] });
    wanted.clear();

    wanted.want({ routes: [kept, came] });

    expect([...(wanted.suspects as Set<string>)]).toEqual([gone[0].key, came[0].key]);
    expect([...wanted.byKey.keys()]).toEqual([kept[0].key, came[0].key]);
  });

  test('moves a prefix from one peer to another', () => {
    const wanted = new WantedRoutes();
    wanted.want({ routes: [[route(1)], [route(2)]] });
    const moved = [[route(2)], [route(1)]];

    wanted.want({ routes: moved });

    expect(wanted.byKey.get(route(1).key)).toBe(moved[1][0]);
    expect(wanted.byKey.size).toBe(2);
  });

  test('reads only the difference if the difference starts from the present routes', () => {
    const wanted = new WantedRoutes();
    const [kept, gone, came] = [[route(1)], [route(2)], [route(3)]] as const;
    const from = [kept, gone];
    wanted.want({ routes: from });
    wanted.clear();
    // Route 9 is in `routes` but not in the difference, so `byKey` must not contain it.
    const routes = [[route(9)], came];

    wanted.want({ routes, difference: { from, removed: [gone], added: [came] } });

    expect([...wanted.byKey.keys()]).toEqual([kept[0].key, came[0].key]);
    expect([...(wanted.suspects as Set<string>)]).toEqual([gone[0].key, came[0].key]);
  });

  test('compares all routes if the difference does not start from the present routes', () => {
    const wanted = new WantedRoutes();
    const [first, second] = [[route(1)], [route(2)]] as const;
    wanted.want({ routes: [first] });

    wanted.want({ routes: [second], difference: { from: [first], removed: [], added: [] } });

    expect([...wanted.byKey.keys()]).toEqual([second[0].key]);
  });

  test('suspects all routes at first, and after a call of suspectAll', () => {
    const wanted = new WantedRoutes();
    expect(wanted.suspects).toBe('all');
    wanted.clear();
    wanted.suspect('a');
    expect(wanted.suspects).toEqual(new Set(['a']));
    wanted.suspectAll();
    wanted.suspect('b');
    expect(wanted.suspects).toBe('all');
  });
});

function route(number: number): MeshRoute {
  return meshRoute('unicast', parseCidr(`10.244.${number}.0/24`));
}
