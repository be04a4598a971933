/**
 * Converts routes and rules of the mesh to the kernel's form and back. Pure.
 *
 * @module
 */
import { formatCidr } from '@litz/core';
import type { InstalledRoute, InstalledRule, Route, Rule, RulePrefix } from '@litz/sys';
import { meshRoute, type MeshRoute, type MeshRouteType } from '../plan/mesh-route.ts';
import type { RoutingNumbers } from '../plan/desired-host.ts';
import { MAIN_TABLE, meshRule, type MeshRule } from '../plan/mesh-rule.ts';

/** @param interfaceIndex index of the tunnel's interface; only unicast routes need it */
export function toRoute(
  { destination, type, source, metric, mtu }: MeshRoute,
  table: number,
  interfaceIndex: number | undefined,
): Route {
  const { address, prefixLength } = destination;
  return {
    destination: address,
    prefixLength,
    table,
    metric,
    type,
    // systemd-networkd deletes routes of other programs, but never routes with the kernel's
    // protocol number.
    protocol: RTPROT_KERNEL,
    ...(type === 'unicast' && interfaceIndex !== undefined ? { interfaceIndex } : {}),
    ...(source ? { source } : {}),
    ...(mtu === undefined ? {} : { mtu }),
  };
}

/**
 * Returns the fields that identify a route to delete. Type and protocol are left out, so that the
 * fields match a route of any type and protocol.
 */
export function toDeletedRoute({ destination, metric }: MeshRoute, table: number): Route {
  const { address, prefixLength } = destination;
  return { destination: address, prefixLength, table, metric };
}

/**
 * Converts a route of the kernel. A route that the mesh can't have made is `foreign`, and its text
 * differs from the text of every route of the mesh.
 *
 * @param interfaceIndex index of the tunnel's interface; undefined while there is none
 */
export function fromRoute(route: InstalledRoute, interfaceIndex: number | undefined): MeshRoute {
  const { destination, prefixLength, metric, source, mtu } = route;
  const isType = route.type === 'unicast' || route.type === 'throw' || route.type === 'unreachable';
  const type: MeshRouteType = isType ? route.type : 'unicast';
  const made = meshRoute(
    type,
    { address: destination, prefixLength },
    { metric, mtu, ...(source ? { source } : {}) },
  );
  const leads =
    type !== 'unicast' || (route.interfaceIndex === interfaceIndex && route.gateway === undefined);
  if (isType && leads && route.protocol === RTPROT_KERNEL) return made;
  return { ...made, text: `${made.text}, ${describeForeign(route)}`, foreign: true };
}

/**
 * Converts a rule of the mesh. The rule gets the kernel's protocol number, for the same reason as
 * in `toRoute`.
 */
export function toRule(rule: MeshRule): Rule {
  const { family, priority, table, to, from, notMark, tcpTo, tcpFrom } = rule;
  const isTcp = tcpTo !== undefined || tcpFrom !== undefined;
  return {
    family,
    priority,
    table,
    protocol: RTPROT_KERNEL,
    ...(to ? { to } : {}),
    ...(from ? { from } : {}),
    ...(notMark === undefined ? {} : { mark: notMark, markMask: notMark, invert: true }),
    ...(isTcp ? { ipProtocol: IPPROTO_TCP } : {}),
    ...(tcpTo === undefined ? {} : { destinationPort: tcpTo }),
    ...(tcpFrom === undefined ? {} : { sourcePort: tcpFrom }),
  };
}

/**
 * Returns the fields that identify a rule to delete. The protocol is left out, so that the rule is
 * also found if another program added it again with a different protocol.
 */
export function toDeletedRule(rule: MeshRule): Rule {
  const { protocol: _, ...rest } = toRule(rule);
  return rest;
}

/** Converts a rule of the kernel; undefined for a rule that is not of the mesh. */
export function fromRule(rule: InstalledRule, numbers: RoutingNumbers): MeshRule | undefined {
  const { family, priority, table, mark, markMask, invert, ipProtocol } = rule;
  const { sourcePort, destinationPort } = rule;
  if (!rule.toTable || rule.hasOtherConditions || rule.suppressPrefixLength !== undefined) {
    return undefined;
  }
  const isException =
    table === MAIN_TABLE && priority === numbers.priority - 1 && rule.protocol === RTPROT_KERNEL;
  const isMain = table === numbers.table && priority === numbers.priority;
  if (!isException && !isMain) return undefined;
  const isTcp = ipProtocol === IPPROTO_TCP;
  if (isException && !(isTcp && (sourcePort ?? destinationPort))) return undefined;
  const isMarked = mark !== undefined && mark !== 0;
  if ((isMarked || invert) && !(isMarked && invert && markMask === mark)) return undefined;
  return meshRule({
    family,
    priority,
    table,
    ...prefixOf('to', rule.to),
    ...prefixOf('from', rule.from),
    ...(isMarked ? { notMark: mark } : {}),
    ...(destinationPort === undefined ? {} : { tcpTo: destinationPort }),
    ...(sourcePort === undefined ? {} : { tcpFrom: sourcePort }),
  });
}

/** Describes the route for users: `10.0.0.0/8 type unicast protocol 3 link 2`. */
export function describeForeign(route: InstalledRoute): string {
  const { destination, prefixLength, type, protocol, interfaceIndex } = route;
  const to = formatCidr({ address: destination, prefixLength });
  return `${to} type ${type} protocol ${protocol} link ${interfaceIndex}`;
}

function prefixOf(name: 'to' | 'from', prefix: RulePrefix | undefined): Partial<MeshRule> {
  return prefix ? { [name]: prefix } : {};
}

/** Protocol number of routes and rules that the kernel made itself (linux/rtnetlink.h). */
const RTPROT_KERNEL = 2;
const IPPROTO_TCP = 6;
