import { Endpoint } from '@litz/core';
import { SystemError, type RouteTo, type RouteToOptions } from '@litz/sys';
import { describe, expect, test } from 'vitest';
import { sourceWorks, type RouteLookup } from '../src/sticky-source.ts';

const PEER = Uint8Array.of(192, 0, 2, 1);
const PEER6 = Uint8Array.of(0x20, ...Array<number>(15).fill(1));
const LOCAL = Uint8Array.of(198, 51, 100, 1);
const LOCAL6 = Uint8Array.of(0x20, ...Array<number>(15).fill(2));
const ETH0 = 3;
const ETH1 = 4;
const SOCKET = { port: 51820, mark: 0 };

const families = [
  ['IPv4', PEER, LOCAL],
  ['IPv6', PEER6, LOCAL6],
] as const;

describe('sourceWorks', () => {
  test.each(families)(
    'is true while the route uses the interface on which the peer was heard, %s',
    (_n, peer, local) => {
      const { routes } = kernel({ toPeer: ETH0 });
      expect(sourceWorks(endpoint(peer, local), routes, SOCKET)).toBe(true);
    },
  );

  test.each(families)('is false if the route uses another interface, %s', (_n, peer, local) => {
    const { routes } = kernel({ toPeer: ETH1 });
    expect(sourceWorks(endpoint(peer, local), routes, SOCKET)).toBe(false);
  });

  test('looks up the route with the source, the mark and the ports of the datagram', () => {
    const { routes, asked } = kernel({ toPeer: ETH0 });
    sourceWorks(endpoint(PEER, LOCAL), routes, { port: 51820, mark: 7 });
    const udp = { sourcePort: 51820, destinationPort: 1000 };
    expect(asked).toEqual([[PEER, { source: LOCAL, mark: 7, udp }]]);
  });

  test.each(families)('is false if the source address is gone, %s', (_n, peer, local) => {
    for (const here of [false, 'unicast'] as const) {
      const toPeer = peer.length === 4 ? undefined : ETH0;
      const { routes } = kernel({ toPeer, here });
      expect(sourceWorks(endpoint(peer, local), routes, SOCKET)).toBe(false);
    }
  });

  test.each(families)(
    'is true while there is no route, because the source is not the cause, %s',
    (_n, peer, local) => {
      for (const toPeer of [undefined, 'prohibited'] as const) {
        const { routes } = kernel({ toPeer });
        expect(sourceWorks(endpoint(peer, local), routes, SOCKET)).toBe(true);
      }
    },
  );

  test('compares neither an unknown interface nor an unknown address', () => {
    const { routes } = kernel({ toPeer: ETH1 });
    const onlyAddress = new Endpoint(PEER, 1000, { sourceAddress: LOCAL });
    const onlyInterface = new Endpoint(PEER, 1000, { sourceInterface: ETH1 });
    expect(sourceWorks(onlyAddress, routes, SOCKET)).toBe(true);
    expect(sourceWorks(onlyInterface, routes, SOCKET)).toBe(true);
  });

  test('makes no look-up for a link-local address', () => {
    const { routes, asked } = kernel({ toPeer: ETH1 });
    const options = { scopeId: ETH0, sourceAddress: LOCAL6, sourceInterface: ETH0 };
    expect(sourceWorks(new Endpoint(PEER6, 1000, options), routes, SOCKET)).toBe(true);
    expect(asked).toEqual([]);
  });

  test('throws errors that are not system errors', () => {
    const broken: RouteLookup = {
      routeTo() {
        throw new TypeError('broken');
      },
    };
    expect(() => sourceWorks(endpoint(PEER, LOCAL), broken, SOCKET)).toThrow(TypeError);
  });
});

function endpoint(address: Uint8Array, sourceAddress: Uint8Array): Endpoint {
  return new Endpoint(address, 1000, { sourceAddress, sourceInterface: ETH0 });
}

/** @param options.here the type of the route to the local addresses; false: there is no route */
function kernel(options: {
  toPeer: number | undefined | 'prohibited';
  here?: false | RouteTo['type'];
}): { routes: RouteLookup; asked: [Uint8Array, RouteToOptions | undefined][] } {
  const { toPeer, here = 'local' } = options;
  const asked: [Uint8Array, RouteToOptions | undefined][] = [];
  const routes: RouteLookup = {
    routeTo(address, question) {
      asked.push([address, question]);
      if (address !== PEER && address !== PEER6) {
        return here === false ? undefined : { interfaceIndex: 1, type: here };
      }
      if (toPeer === 'prohibited') throw new SystemError('RTM_GETROUTE', 13);
      return toPeer === undefined ? undefined : { interfaceIndex: toPeer, type: 'unicast' };
    },
  };
  return { routes, asked };
}
