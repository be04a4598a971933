import { describe, expect, test } from 'vitest';
import { MessageBuilder } from '../../src/netlink/message-builder.ts';
import { readAttributes } from '../../src/netlink/message-reader.ts';
import {
  addRouteMessage,
  deleteRouteMessage,
  dumpTableMessage,
  readRoute,
  readRouteTo,
  routeToMessage,
  type Route,
} from '../../src/netlink/route.ts';

const v6 = Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const route: Route = {
  destination: Uint8Array.of(10, 1, 0, 0),
  prefixLength: 16,
  interfaceIndex: 3,
  gateway: Uint8Array.of(10, 0, 0, 2),
  source: Uint8Array.of(10, 0, 0, 1),
  table: 51820,
  metric: 42,
  mtu: 1300,
};

describe('addRouteMessage', () => {
  test('writes what readRoute reads', () => {
    const message = addRouteMessage(route).finish(0);

    expect(readRoute(message.subarray(16))).toEqual({
      ...route,
      protocol: 3,
      scope: 0,
      type: 'unicast',
    });
  });

  test('writes a table above 255 into the attribute only', () => {
    expect(addRouteMessage(route).finish(0)[20]).toBe(0);
    expect(addRouteMessage({ ...route, table: 201 }).finish(0)[20]).toBe(201);
  });

  test('names no destination for a default route', () => {
    const message = addRouteMessage({
      destination: new Uint8Array(16),
      prefixLength: 0,
      interfaceIndex: 3,
    }).finish(0);

    expect([...message.subarray(16, 28)]).toEqual([10, 0, 0, 0, 254, 3, 253, 1, 0, 0, 0, 0]);
    expect(readAttributes(message, 28).bytes(1)).toBeUndefined();
    expect(readRoute(message.subarray(16))?.destination).toEqual(new Uint8Array(16));
  });

  test('routes IPv4 through an IPv6 gateway', () => {
    const message = addRouteMessage({ ...route, gateway: v6 }).finish(0);

    const attributes = readAttributes(message, 28);
    expect(attributes.bytes(5)).toBeUndefined();
    expect(attributes.bytes(18)).toEqual(Uint8Array.of(10, 0, ...v6));
    expect(readRoute(message.subarray(16))?.gateway).toEqual(v6);
  });

  test.each([
    ['with a gateway', route, 0],
    ['to the link', { destination: v6, prefixLength: 128, interfaceIndex: 3 }, 253],
    ['a blackhole', { destination: v6, prefixLength: 128, type: 'blackhole' as const }, 0],
    ['to this host', { destination: v6, prefixLength: 128, type: 'local' as const }, 254],
    ['with a scope of its own', { ...route, scope: 200 }, 200],
  ])('sets the scope of a route: %s', (_, route, scope) => {
    expect(addRouteMessage(route).finish(0)[22]).toBe(scope);
  });
});

describe('deleteRouteMessage', () => {
  test('matches every protocol, scope and type unless they are named', () => {
    const { destination, prefixLength } = route;
    const message = deleteRouteMessage({ destination, prefixLength }).finish(0);

    expect([...message.subarray(16, 28)]).toEqual([2, 16, 0, 0, 254, 0, 255, 0, 0, 0, 0, 0]);
  });
});

describe('dumpTableMessage', () => {
  test('contains only family and table, because strict checking refuses any other value', () => {
    const message = dumpTableMessage(6, 51871).finish(0);

    expect([...message.subarray(16, 28)]).toEqual([10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(readAttributes(message, 28).u32(15)).toBe(51871);
  });
});

describe('routeToMessage', () => {
  const address = Uint8Array.of(1, 2, 3, 4);

  test.each([
    [{}, undefined],
    [{ mark: 0 }, undefined],
    [{ mark: 0xffffffff }, 0xffffffff],
  ])('contains the mark only if there is one: %o', (options, mark) => {
    expect(readAttributes(routeToMessage(address, options).finish(0), 28).u32(16)).toBe(mark);
  });

  test('contains the source with its length, and ports in network order', () => {
    const source = Uint8Array.of(5, 6, 7, 8);
    const udp = { sourcePort: 0x1234, destinationPort: 0x5678 };
    const message = routeToMessage(address, { source, udp }).finish(0);
    const attributes = readAttributes(message, 28);

    expect([...message.subarray(16, 19)]).toEqual([2, 32, 32]);
    expect(attributes.bytes(1)).toEqual(address);
    expect(attributes.bytes(2)).toEqual(source);
    expect(attributes.u8(27)).toBe(17);
    expect(attributes.bytes(28)).toEqual(Uint8Array.of(0x12, 0x34));
    expect(attributes.bytes(29)).toEqual(Uint8Array.of(0x56, 0x78));
  });

  test('contains neither source nor ports without these options', () => {
    const message = routeToMessage(address, {}).finish(0);

    expect([...message.subarray(16, 19)]).toEqual([2, 32, 0]);
    expect(message).toHaveLength(28 + 8);
  });
});

describe('readRoute', () => {
  test('reads interface and gateway of the first of several next hops', () => {
    const payload = new MessageBuilder(24, 0)
      .struct(12, (view) => view.setUint8(0, 2))
      .bytes(9, Uint8Array.from([...nextHop(7, 1), ...nextHop(8, 2)]))
      .finish(0)
      .subarray(16);

    expect(readRoute(payload)).toMatchObject({
      interfaceIndex: 7,
      gateway: Uint8Array.of(10, 0, 0, 1),
    });
  });

  test('returns undefined for cached routes and for families without IP', () => {
    expect(readRoute(routePayload(2, 0x200))).toBeUndefined();
    expect(readRoute(routePayload(128, 0))).toBeUndefined();
    expect(readRoute(routePayload(2, 0))).toBeDefined();
    expect(readRouteTo(routePayload(2, 0x200))).toBeDefined();
  });

  test('never throws, however short the payload', () => {
    const payload = addRouteMessage(route).finish(0).subarray(16);

    for (let length = 0; length < payload.length; length++) {
      const read = readRoute(payload.subarray(0, length));
      expect(read === undefined).toBe(length < 12);
    }
  });
});

/** Returns a struct rtnexthop with the gateway 10.0.0.`last`. */
function nextHop(interfaceIndex: number, last: number): number[] {
  const header = [16, 0, 0, 0, interfaceIndex, 0, 0, 0];
  return [...header, 8, 0, 5, 0, 10, 0, 0, last];
}

function routePayload(family: number, flags: number): Uint8Array {
  return new MessageBuilder(24, 0)
    .struct(12, (view) => {
      view.setUint8(0, family);
      view.setUint32(8, flags, true);
    })
    .finish(0)
    .subarray(16);
}
