/**
 * Routes as rtnetlink messages.
 *
 * ```
 * rtmsg: u8 family | u8 destination length | u8 source length | u8 tos
 *      | u8 table | u8 protocol | u8 scope | u8 type | u32 flags
 * ```
 *
 * Pure functions: they convert messages to bytes and back.
 *
 * @module
 */
import { AF_INET, AF_INET6 } from '../constants.ts';
import { familyOf, unspecifiedAddress } from './address-family.ts';
import { MessageBuilder } from './message-builder.ts';
import { readAttributes, viewOf, type Attributes } from './message-reader.ts';
import {
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RT_TABLE_MAIN,
  RT_TABLE_UNSPEC,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
} from './rtnetlink.ts';

/**
 * The kind of a route. 'unicast' and 'local' deliver packets; 'blackhole', 'unreachable' and
 * 'prohibit' drop them; 'throw' ends the look-up in the table of the route. Routes of the other
 * kinds are made by the kernel.
 */
export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw';

/** Values of rtmsg.rtm_type, RTN_... */
export const TYPE_NUMBERS: Readonly<Record<RouteType, number>> = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
};

/** A route. The default route has a destination of zero bytes and a prefix length of 0. */
export interface Route {
  /** 4 or 16 bytes; the bits after the prefix must be zero. */
  readonly destination: Uint8Array;
  /** 0 to 32 or 128. */
  readonly prefixLength: number;
  /** Required, unless there is a gateway or a type that needs no interface. */
  readonly interfaceIndex?: number;
  /** May be of the other family: IPv4 through an IPv6 router. */
  readonly gateway?: Uint8Array;
  /** The preferred source address. */
  readonly source?: Uint8Array;
  /** 1 to 2^32 - 1. Default: main (254). */
  readonly table?: number;
  /** A lower metric is preferred. */
  readonly metric?: number;
  /** In bytes. Default: the MTU of the link. */
  readonly mtu?: number;
  /** The program that made the route, RTPROT_... Default: 3 (boot), as with `ip route`. */
  readonly protocol?: number;
  /**
   * RT_SCOPE_... Default: host for the type local, link for unicast without a gateway, and global
   * for all others.
   */
  readonly scope?: number;
  /** Default: unicast. */
  readonly type?: RouteType;
}

/**
 * A route of the kernel. If it has several next hops, interface and gateway are those of the first
 * one.
 */
export interface InstalledRoute extends Route {
  /** 0 if there is none, as for blackhole routes. */
  readonly interfaceIndex: number;
  readonly table: number;
  readonly metric: number;
  readonly protocol: number;
  readonly scope: number;
  readonly type: RouteType;
}

/**
 * Properties of the packet whose route is looked up, besides its destination. Rules can depend on
 * all of them.
 */
export interface RouteToOptions {
  /** The firewall mark. Default: none. */
  readonly mark?: number;
  /** Source address, of the destination's family. Default: the kernel chooses it from the route. */
  readonly source?: Uint8Array;
  /**
   * Ports of a UDP datagram. Default: rules for ports do not match. A kernel before 4.17 ignores
   * the ports.
   */
  readonly udp?: { readonly sourcePort: number; readonly destinationPort: number };
}

/** Where packets to one address go. */
export interface RouteTo {
  readonly interfaceIndex: number;
  /** Undefined if the address is on the link itself. */
  readonly gateway?: Uint8Array;
  /** The source address that the kernel would choose. */
  readonly source?: Uint8Array;
  /**
   * Present only if the route has an MTU, or if the kernel has discovered the MTU of the path. If
   * it is absent, the MTU of the link applies.
   */
  readonly mtu?: number;
  readonly table: number;
  readonly type: RouteType;
}

/** RTM_NEWROUTE of a new route. The kernel refuses a route that exists already. */
export function addRouteMessage(route: Route): MessageBuilder {
  return routeMessage(
    RTM_NEWROUTE,
    NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
    route,
    scopeOf(route),
  );
}

/**
 * RTM_NEWROUTE that adds a route, or replaces the route with the same destination, table and
 * metric.
 */
export function replaceRouteMessage(route: Route): MessageBuilder {
  return routeMessage(
    RTM_NEWROUTE,
    NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
    route,
    scopeOf(route),
  );
}

/** RTM_DELROUTE of the first route that has all given properties. */
export function deleteRouteMessage(route: Route): MessageBuilder {
  // RT_SCOPE_NOWHERE matches every scope.
  const scope = route.scope ?? RT_SCOPE_NOWHERE;
  return routeMessage(RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, route, scope);
}

/** RTM_GETROUTE of all routes of all tables. */
export function dumpRoutesMessage(): MessageBuilder {
  const builder = new MessageBuilder(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP);
  return builder.struct(RTMSG_LENGTH, () => {});
}

/**
 * RTM_GETROUTE of all routes of one table. A socket without strict checking gets all routes of the
 * family.
 */
export function dumpTableMessage(family: 4 | 6, table: number): MessageBuilder {
  const builder = new MessageBuilder(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP);
  builder.struct(RTMSG_LENGTH, (view) => view.setUint8(0, family === 4 ? AF_INET : AF_INET6));
  return builder.u32(RTA_TABLE, table);
}

/**
 * RTM_GETROUTE of one address, 4 or 16 bytes: the kernel answers with the route that a packet
 * takes.
 */
export function routeToMessage(address: Uint8Array, options: RouteToOptions): MessageBuilder {
  const { mark = 0, source, udp } = options;
  const builder = new MessageBuilder(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_ACK);
  builder.struct(RTMSG_LENGTH, (view) => {
    view.setUint8(0, familyOf(address));
    view.setUint8(1, address.length * 8);
    view.setUint8(2, source ? source.length * 8 : 0);
    view.setUint32(8, RTM_F_LOOKUP_TABLE, true);
  });
  builder.bytes(RTA_DST, address);
  if (source) builder.bytes(RTA_SRC, source);
  if (mark !== 0) builder.u32(RTA_MARK, mark);
  if (!udp) return builder;
  return builder
    .u8(RTA_IP_PROTO, IPPROTO_UDP)
    .bytes(RTA_SPORT, networkOrder(udp.sourcePort))
    .bytes(RTA_DPORT, networkOrder(udp.destinationPort));
}

/**
 * Returns the route of an RTM_NEWROUTE or RTM_DELROUTE payload; undefined if the payload is
 * incomplete, not IP, or an entry of the kernel's cache.
 */
export function readRoute(payload: Uint8Array): InstalledRoute | undefined {
  if (payload.length < RTMSG_LENGTH) return undefined;
  const view = viewOf(payload);
  const unspecified = unspecifiedAddress(view.getUint8(0));
  // A cloned route is an entry of the kernel's cache, not configuration.
  if (!unspecified || (view.getUint32(8, true) & RTM_F_CLONED) !== 0) return undefined;
  const attributes = readAttributes(payload, RTMSG_LENGTH);
  return addNextHop(
    {
      destination: attributes.bytes(RTA_DST) ?? unspecified,
      prefixLength: view.getUint8(1),
      interfaceIndex: 0,
      table: attributes.u32(RTA_TABLE) ?? view.getUint8(4),
      metric: attributes.u32(RTA_PRIORITY) ?? 0,
      protocol: view.getUint8(5),
      scope: view.getUint8(6),
      type: typeName(view.getUint8(7)),
    },
    attributes,
  );
}

/** Returns the answer to {@link routeToMessage}; undefined if the payload is incomplete. */
export function readRouteTo(payload: Uint8Array): RouteTo | undefined {
  if (payload.length < RTMSG_LENGTH) return undefined;
  const view = viewOf(payload);
  const attributes = readAttributes(payload, RTMSG_LENGTH);
  const table = attributes.u32(RTA_TABLE) ?? view.getUint8(4);
  return addNextHop({ interfaceIndex: 0, table, type: typeName(view.getUint8(7)) }, attributes);
}

interface NextHop {
  interfaceIndex: number;
  gateway?: Uint8Array;
  source?: Uint8Array;
  mtu?: number;
}

/**
 * Sets the fields of the next hop. Sets them in place, because objects that are spread take several
 * times the memory, and there may be thousands of routes.
 */
function addNextHop<R extends NextHop>(route: R, attributes: Attributes): R {
  // struct rtnexthop: u16 length | u8 flags | u8 hops | i32 interface index, then attributes
  const hops = attributes.bytes(RTA_MULTIPATH);
  const firstHop = hops && hops.length >= 8 ? hops : undefined;
  const hopLength = firstHop ? Math.min(viewOf(firstHop).getUint16(0, true), firstHop.length) : 0;
  const hop = firstHop ? readAttributes(firstHop.subarray(0, hopLength), 8) : attributes;
  // struct rtvia: u16 family | address
  const gateway = hop.bytes(RTA_GATEWAY) ?? hop.bytes(RTA_VIA)?.slice(2);
  const source = attributes.bytes(RTA_PREFSRC);
  const mtu = attributes.nested(RTA_METRICS).u32(RTAX_MTU);
  route.interfaceIndex = firstHop
    ? viewOf(firstHop).getInt32(4, true)
    : (attributes.u32(RTA_OIF) ?? 0);
  if (gateway) route.gateway = gateway;
  if (source) route.source = source;
  if (mtu) route.mtu = mtu;
  return route;
}

function routeMessage(type: number, flags: number, route: Route, scope: number): MessageBuilder {
  const { destination, gateway, source, table = RT_TABLE_MAIN } = route;
  const family = familyOf(destination);
  const deleting = type === RTM_DELROUTE;
  const builder = new MessageBuilder(type, flags).struct(RTMSG_LENGTH, (view) => {
    view.setUint8(0, family);
    view.setUint8(1, route.prefixLength);
    // A table number may need more than eight bits; the attribute has the whole number.
    view.setUint8(4, table < 256 ? table : RT_TABLE_UNSPEC);
    // When deleting, 0 matches every protocol and every type.
    view.setUint8(5, route.protocol ?? (deleting ? 0 : RTPROT_BOOT));
    view.setUint8(6, scope);
    view.setUint8(7, route.type || !deleting ? TYPE_NUMBERS[route.type ?? 'unicast'] : 0);
  });
  builder.u32(RTA_TABLE, table);
  if (route.prefixLength > 0) builder.bytes(RTA_DST, destination);
  if (route.interfaceIndex) builder.u32(RTA_OIF, route.interfaceIndex);
  if (gateway && gateway.length === destination.length) builder.bytes(RTA_GATEWAY, gateway);
  if (gateway && gateway.length !== destination.length) builder.bytes(RTA_VIA, viaOf(gateway));
  if (source) builder.bytes(RTA_PREFSRC, source);
  if (route.metric) builder.u32(RTA_PRIORITY, route.metric);
  const { mtu } = route;
  if (mtu) builder.nested(RTA_METRICS, (metrics) => metrics.u32(RTAX_MTU, mtu));
  return builder;
}

function scopeOf(route: Route): number {
  if (route.scope !== undefined) return route.scope;
  if (route.type === 'local') return RT_SCOPE_HOST;
  const direct = route.type === undefined || route.type === 'unicast';
  // IPv6 has no scopes and ignores the field.
  return direct && !route.gateway ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

function viaOf(gateway: Uint8Array): Uint8Array {
  const via = new Uint8Array(2 + gateway.length);
  viewOf(via).setUint16(0, familyOf(gateway), true);
  via.set(gateway, 2);
  return via;
}

function networkOrder(port: number): Uint8Array {
  return Uint8Array.of(port >>> 8, port & 0xff);
}

function typeName(type: number): RouteType {
  return TYPE_NAMES.get(type) ?? 'unicast';
}

const TYPE_NAMES: ReadonlyMap<number, RouteType> = new Map(
  Object.entries(TYPE_NUMBERS).map(([name, number]) => [number, name as RouteType]),
);
const RTMSG_LENGTH = 12;
const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_MARK = 16;
const RTA_VIA = 18;
const RTA_IP_PROTO = 27;
const RTA_SPORT = 28;
const RTA_DPORT = 29;
const RTAX_MTU = 2;
const RTM_F_CLONED = 0x200;
/** Makes the answer name the table that the route was found in. */
const RTM_F_LOOKUP_TABLE = 0x1000;
const RTPROT_BOOT = 3;
const IPPROTO_UDP = 17;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
const RT_SCOPE_NOWHERE = 255;
