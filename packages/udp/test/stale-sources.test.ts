import { Endpoint } from '@litz/core';
import { SystemError } from '@litz/sys';
import { describe, expect, test } from 'vitest';
import { staleSources, type RouteLookup } from '../src/stale-sources.ts';

const PEER = Uint8Array.of(192, 0, 2, 1);
const LOCAL = Uint8Array.of(198, 51, 100, 1);

describe('staleSources', () => {
  test('keeps a source whose interface the route still takes', () => {
    expect(staleSources([endpoint(3)], routesThrough(3), 0)).toEqual([]);
  });

  test('names a source whose route leaves through another interface', () => {
    const moved = endpoint(3);
    expect(staleSources([moved, endpoint(4)], routesThrough(4), 0)).toEqual([moved]);
  });

  test('names a source that there is no route for', () => {
    const unreachable: RouteLookup = {
      routeTo() {
        throw new SystemError('RTM_GETROUTE', 101);
      },
    };
    expect(staleSources([endpoint(3)], unreachable, 0)).toHaveLength(1);
    expect(staleSources([endpoint(3)], { routeTo: () => undefined }, 0)).toHaveLength(1);
  });

  test('asks only about endpoints with a source, with the mark', () => {
    const asked: unknown[] = [];
    const lookup: RouteLookup = {
      routeTo(address, options) {
        asked.push([address, options]);
        return { interfaceIndex: 3 };
      },
    };
    staleSources([endpoint(0), new Endpoint(PEER, 1), endpoint(3)], lookup, 51820);
    expect(asked).toEqual([[PEER, { mark: 51820 }]]);
  });

  test('passes on what is not a system error', () => {
    const broken: RouteLookup = {
      routeTo() {
        throw new TypeError('broken');
      },
    };
    expect(() => staleSources([endpoint(3)], broken, 0)).toThrow(TypeError);
  });
});

function endpoint(sourceInterface: number): Endpoint {
  if (sourceInterface === 0) return new Endpoint(PEER, 51820);
  return new Endpoint(PEER, 51820, { sourceAddress: LOCAL, sourceInterface });
}

function routesThrough(interfaceIndex: number): RouteLookup {
  return { routeTo: () => ({ interfaceIndex }) };
}
