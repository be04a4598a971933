/**
 * `plan`: the steps from what the machine looks like to what it is to look like. Pure.
 *
 * The order is: make, then the ruleset, then break. While a state that enforces goes over to another
 * one, a packet to another node's pod has at every moment a route into the tunnel, a route that refuses
 * it, or a ruleset that stops it.
 *
 * 1. Reverse path filters are made loose, so that nothing is dropped that comes by another way than it
 *    will be answered.
 * 2. The interface: prepared, addresses, MTU, up. Routes name its addresses as their source.
 * 3. Routes: `throw` first, so that own pods never meet a new `unreachable`; then the peers; then
 *    `unreachable`, which catches what is left.
 * 4. Rules, exceptions first.
 * 5. The ruleset: the backstop comes when the way into the tunnel is there, and goes before that way does.
 * 6. Rules that are too many, then routes (those of peers, `unreachable`, `throw`), addresses, filters.
 *
 * @module
 */
import { formatCidr, type Cidr } from '@litz/core';
import type { ActualHost, ActualLink } from './actual-host.ts';
import type { DesiredHost, DesiredLink } from './desired-host.ts';
import type { MeshRoute, MeshRouteType } from './mesh-route.ts';
import { isException, type MeshRule } from './mesh-rule.ts';
import type { Step } from './step.ts';

/** None where they are equal. What needs the tunnel's interface is left out while that is missing. */
export function plan(desired: DesiredHost, actual: ActualHost): Step[] {
  return planRoutes(desired, routeMap(desired.routes), actual);
}

export function routeMap(lists: DesiredHost['routes']): Map<string, MeshRoute> {
  const all = new Map<string, MeshRoute>();
  for (const routes of lists) for (const route of routes) all.set(route.key, route);
  return all;
}

/**
 * The same with the routes of `wanted`, in place of those of `desired`: of 5,000 the few that may differ
 * are enough, if `actual` has the same few.
 */
export function planRoutes(
  desired: DesiredHost,
  wanted: ReadonlyMap<string, MeshRoute>,
  actual: ActualHost,
): Step[] {
  const { link } = actual;
  if (desired.isPartial === true) return partialSteps(desired, wanted, actual);
  return [
    ...loosen(desired, actual),
    ...(link && desired.link ? makeLink(desired.link, link) : []),
    ...makeRoutes(wanted, actual),
    ...makeRules(desired, actual),
    ...ruleset(desired, actual),
    ...breakRules(desired, actual),
    ...breakRoutes(desired, wanted, actual),
    ...(link ? breakAddresses(desired.link, link) : []),
    ...restore(desired, actual),
  ];
}

/** What refuses comes; the interface and a ruleset that is there have what fits the peers. */
function partialSteps(
  desired: DesiredHost,
  wanted: ReadonlyMap<string, MeshRoute>,
  actual: ActualHost,
): Step[] {
  return [
    ...loosen(desired, actual),
    ...makeRoutes(wanted, actual),
    ...makeRules(desired, actual),
    ...(actual.ruleset === undefined ? ruleset(desired, actual) : []),
  ];
}

function loosen({ looseLinks }: DesiredHost, { strictLinks }: ActualHost): Step[] {
  return looseLinks
    .filter((link) => strictLinks.has(link))
    .map((link) => ({ type: 'loosen-filter', link }));
}

function makeLink(desired: DesiredLink, actual: ActualLink): Step[] {
  const steps: Step[] = [];
  if (!actual.prepared) steps.push({ type: 'prepare-link' });
  // Before the addresses: IPv6 leaves a link whose MTU is below 1280, and takes its addresses along.
  if (actual.mtu !== desired.mtu) steps.push({ type: 'set-mtu', mtu: desired.mtu });
  for (const address of missing(desired.addresses, actual.addresses)) {
    steps.push({ type: 'add-address', address });
  }
  if (!actual.up) steps.push({ type: 'set-up' });
  return steps;
}

function makeRoutes(wanted: ReadonlyMap<string, MeshRoute>, actual: ActualHost): Step[] {
  const changed: Record<MeshRouteType, MeshRoute[]> = { throw: [], unicast: [], unreachable: [] };
  for (const route of wanted.values()) {
    if (route.type === 'unicast' && !actual.link) continue;
    if (actual.routes.get(route.key)?.text !== route.text) changed[route.type].push(route);
  }
  return [...changed.throw, ...changed.unicast, ...changed.unreachable].map((route) => ({
    type: 'set-route',
    route,
  }));
}

function makeRules(desired: DesiredHost, actual: ActualHost): Step[] {
  return exceptionsFirst(desired.rules)
    .filter(({ text }) => !actual.rules.has(text))
    .map((rule) => ({ type: 'add-rule', rule }));
}

function ruleset(desired: DesiredHost, actual: ActualHost): Step[] {
  if (desired.ruleset === actual.ruleset) return [];
  if (desired.ruleset === undefined) return [{ type: 'remove-ruleset' }];
  return [{ type: 'load-ruleset', ruleset: desired.ruleset }];
}

function breakRules(desired: DesiredHost, actual: ActualHost): Step[] {
  // An exception goes after the rule that it is an exception of.
  return exceptionsFirst(actual.rules)
    .toReversed()
    .filter(({ text }) => !desired.rules.has(text))
    .map((rule) => ({ type: 'delete-rule', rule }));
}

function breakRoutes(
  desired: DesiredHost,
  wanted: ReadonlyMap<string, MeshRoute>,
  actual: ActualHost,
): Step[] {
  const extra: Record<MeshRouteType, MeshRoute[]> = { throw: [], unicast: [], unreachable: [] };
  for (const route of actual.routes.values()) {
    // While the table is in use, somebody else's route in it would be a leak. Else it is theirs.
    if (desired.enforcement === 'off' && route.foreign) continue;
    if (!wanted.has(route.key)) extra[route.type].push(route);
  }
  return [...extra.unicast, ...extra.unreachable, ...extra.throw].map((route) => ({
    type: 'delete-route',
    route,
  }));
}

function breakAddresses(desired: DesiredLink | undefined, actual: ActualLink): Step[] {
  return missing(actual.addresses, desired?.addresses ?? []).map((address) => ({
    type: 'delete-address',
    address,
  }));
}

function restore({ looseLinks }: DesiredHost, actual: ActualHost): Step[] {
  return [...actual.looseLinks]
    .filter((link) => !looseLinks.includes(link))
    .map((link) => ({ type: 'restore-filter', link }));
}

/** Those of `wanted` that are not among `present`. */
function missing(
  wanted: readonly Readonly<Cidr>[],
  present: readonly Readonly<Cidr>[],
): readonly Readonly<Cidr>[] {
  const texts = new Set(present.map(formatCidr));
  return wanted.filter((address) => !texts.has(formatCidr(address)));
}

function exceptionsFirst(rules: ReadonlyMap<string, MeshRule>): MeshRule[] {
  const all = [...rules.values()];
  return [...all.filter(isException), ...all.filter((rule) => !isException(rule))];
}
