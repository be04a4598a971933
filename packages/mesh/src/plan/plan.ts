/**
 * `plan`: computes the steps from the actual to the desired state of the machine. Pure.
 *
 * The order is: add, load the nftables ruleset, remove. During a change between two states that
 * enforce, no packet to a pod of another node can leave in plaintext: at every moment there is a
 * route into the tunnel, a route that refuses the packet, or a ruleset that stops it.
 *
 * 1. Reverse path filters become loose. A strict filter drops a packet whose answer would leave by
 *    another link.
 * 2. The tunnel's interface is prepared and gets its MTU and its addresses, because routes name
 *    these addresses as their source. Then the interface is brought up.
 * 3. Routes are added: `throw` first, so that a new `unreachable` never stops packets to this
 *    node's pods; then the routes of the peers; then `unreachable`, for all other destinations.
 * 4. Rules are added, exceptions first.
 * 5. The ruleset is loaded or removed. Its backstop is added after the routes into the tunnel, and
 *    removed before them.
 * 6. Rules that are no longer wanted are removed, then routes (first the routes of peers, then
 *    `unreachable`, then `throw`), then addresses. Last, reverse path filters are restored.
 *
 * @module
 */
import { formatCidr, type Cidr } from '@litz/core';
import type { ActualHost, ActualLink } from './actual-host.ts';
import type { DesiredHost, DesiredLink } from './desired-host.ts';
import type { MeshRoute, MeshRouteType } from './mesh-route.ts';
import { isException, type MeshRule } from './mesh-rule.ts';
import type { Step } from './step.ts';

/**
 * Returns the steps; none if the states are equal. While the tunnel's interface does not exist, the
 * steps that need it are left out.
 */
export function plan(desired: DesiredHost, actual: ActualHost): Step[] {
  return planRoutes(desired, routeMap(desired.routes), actual);
}

/** Returns all routes of the lists by their keys. */
export function routeMap(lists: DesiredHost['routes']): Map<string, MeshRoute> {
  const all = new Map<string, MeshRoute>();
  for (const routes of lists) for (const route of routes) all.set(route.key, route);
  return all;
}

/**
 * Does the same as `plan`, but takes the routes from `wanted` instead of `desired`. If only a few
 * of 5,000 routes may differ, `wanted` and `actual` need to contain only these few.
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
    ...(link && desired.link ? changeLink(desired.link, link) : []),
    ...addRoutes(wanted, actual),
    ...addRules(desired, actual),
    ...ruleset(desired, actual),
    ...removeRules(desired, actual),
    ...removeRoutes(desired, wanted, actual),
    ...(link ? removeAddresses(desired.link, link) : []),
    ...restore(desired, actual),
  ];
}

/**
 * The steps while the peers are not known. They make filters loose, add routes and rules, and load
 * the ruleset if there is none. They remove nothing, and they change neither the interface nor an
 * existing ruleset, because both still fit the earlier peers.
 */
function partialSteps(
  desired: DesiredHost,
  wanted: ReadonlyMap<string, MeshRoute>,
  actual: ActualHost,
): Step[] {
  return [
    ...loosen(desired, actual),
    ...addRoutes(wanted, actual),
    ...addRules(desired, actual),
    ...(actual.ruleset === undefined ? ruleset(desired, actual) : []),
  ];
}

function loosen({ looseLinks }: DesiredHost, { strictLinks }: ActualHost): Step[] {
  return looseLinks
    .filter((link) => strictLinks.has(link))
    .map((link) => ({ type: 'loosen-filter', link }));
}

function changeLink(desired: DesiredLink, actual: ActualLink): Step[] {
  const steps: Step[] = [];
  if (!actual.prepared) steps.push({ type: 'prepare-link' });
  // The MTU comes before the addresses, because on a link with an MTU below 1280, the kernel
  // switches IPv6 off and removes the IPv6 addresses.
  if (actual.mtu !== desired.mtu) steps.push({ type: 'set-mtu', mtu: desired.mtu });
  for (const address of missing(desired.addresses, actual.addresses)) {
    steps.push({ type: 'add-address', address });
  }
  if (!actual.up) steps.push({ type: 'set-up' });
  return steps;
}

function addRoutes(wanted: ReadonlyMap<string, MeshRoute>, actual: ActualHost): Step[] {
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

function addRules(desired: DesiredHost, actual: ActualHost): Step[] {
  return exceptionsFirst(desired.rules)
    .filter(({ text }) => !actual.rules.has(text))
    .map((rule) => ({ type: 'add-rule', rule }));
}

function ruleset(desired: DesiredHost, actual: ActualHost): Step[] {
  if (desired.ruleset === actual.ruleset) return [];
  if (desired.ruleset === undefined) return [{ type: 'remove-ruleset' }];
  return [{ type: 'load-ruleset', ruleset: desired.ruleset }];
}

function removeRules(desired: DesiredHost, actual: ActualHost): Step[] {
  // An exception is deleted after the rule that it is an exception to.
  return exceptionsFirst(actual.rules)
    .toReversed()
    .filter(({ text }) => !desired.rules.has(text))
    .map((rule) => ({ type: 'delete-rule', rule }));
}

function removeRoutes(
  desired: DesiredHost,
  wanted: ReadonlyMap<string, MeshRoute>,
  actual: ActualHost,
): Step[] {
  const extra: Record<MeshRouteType, MeshRoute[]> = { throw: [], unicast: [], unreachable: [] };
  for (const route of actual.routes.values()) {
    // While the mesh uses the table, a route of another program in it could let packets leave in
    // plaintext. With `off`, such a route stays.
    if (desired.enforcement === 'off' && route.foreign) continue;
    if (!wanted.has(route.key)) extra[route.type].push(route);
  }
  return [...extra.unicast, ...extra.unreachable, ...extra.throw].map((route) => ({
    type: 'delete-route',
    route,
  }));
}

function removeAddresses(desired: DesiredLink | undefined, actual: ActualLink): Step[] {
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

/** Returns the prefixes of `wanted` that are not in `present`. */
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
