/**
 * Routes and rules of the mesh as the kernel has them, and back. Pure.
 *
 * @module
 */
import { formatCidr } from '@litz/core';
import type { InstalledRoute, InstalledRule, Route, Rule, RulePrefix } from '@litz/sys';
import { meshRoute, type MeshRoute, type MeshRouteType } from '../plan/mesh-route.ts';
import { MAIN_TABLE, meshRule, type MeshRule } from '../plan/mesh-rule.ts';

/** Where the mesh's routes and rules are. */
export interface MeshPlace {
  readonly table: number;
  readonly priority: number;
}

/** @param interfaceIndex of the tunnel; routes that lead nowhere need none */
export function toRoute(
  { destination, type, source, metric }: MeshRoute,
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
    // systemd-networkd leaves alone what the kernel has made, and takes away what it doesn't know.
    protocol: RTPROT_KERNEL,
    ...(type === 'unicast' && interfaceIndex !== undefined ? { interfaceIndex } : {}),
    ...(source ? { source } : {}),
  };
}

/** What names the route to be deleted: whatever type and protocol it has. */
export function toDeletedRoute({ destination, metric }: MeshRoute, table: number): Route {
  const { address, prefixLength } = destination;
  return { destination: address, prefixLength, table, metric };
}

/** A route that none of ours can be is `foreign`, and has a text of its own. */
export function fromRoute(route: InstalledRoute, interfaceIndex: number | undefined): MeshRoute {
  const { destination, prefixLength, metric, source } = route;
  const isType = route.type === 'unicast' || route.type === 'throw' || route.type === 'unreachable';
  const type: MeshRouteType = isType ? route.type : 'unicast';
  const made = meshRoute(
    type,
    { address: destination, prefixLength },
    { metric, ...(source ? { source } : {}) },
  );
  const leads =
    type !== 'unicast' || (route.interfaceIndex === interfaceIndex && route.gateway === undefined);
  if (isType && leads && route.protocol === RTPROT_KERNEL) return made;
  return { ...made, text: `${made.text}, ${describeForeign(route)}`, foreign: true };
}

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

/** The same without its maker: a rule that somebody added again without one is to be found, too. */
export function toDeletedRule(rule: MeshRule): Rule {
  const { protocol: _, ...rest } = toRule(rule);
  return rest;
}

/** Undefined for a rule that isn't of the mesh. */
export function fromRule(rule: InstalledRule, place: MeshPlace): MeshRule | undefined {
  const { family, priority, table, mark, markMask, invert, ipProtocol } = rule;
  const { sourcePort, destinationPort } = rule;
  if (!rule.toTable || rule.hasOtherConditions || rule.suppressPrefixLength !== undefined) {
    return undefined;
  }
  const isException =
    table === MAIN_TABLE && priority === place.priority - 1 && rule.protocol === RTPROT_KERNEL;
  const isMain = table === place.table && priority === place.priority;
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

/** For a person: `10.0.0.0/8 type unicast protocol 3`. */
export function describeForeign(route: InstalledRoute): string {
  const { destination, prefixLength, type, protocol, interfaceIndex } = route;
  const to = formatCidr({ address: destination, prefixLength });
  return `${to} type ${type} protocol ${protocol} link ${interfaceIndex}`;
}

function prefixOf(name: 'to' | 'from', prefix: RulePrefix | undefined): Partial<MeshRule> {
  return prefix ? { [name]: prefix } : {};
}

const RTPROT_KERNEL = 2;
const IPPROTO_TCP = 6;
