/**
 * `carryOut`: carries out the steps of a plan that use rtnetlink. It sends many routes in one call.
 *
 * @module
 */
import { SystemError, type Netlink, type RouteChange } from '@litz/sys';
import { describeStep, type Step } from '../plan/step.ts';
import type { MeshRoute } from '../plan/mesh-route.ts';
import { toDeletedRoute, toDeletedRule, toRoute, toRule } from './to-kernel.ts';

export interface CarryOutOptions {
  readonly netlink: Netlink;
  readonly table: number;
  readonly interfaceIndex: number | undefined;
}

/**
 * The steps that `carryOut` takes. The other steps are for `nft` and for reverse path filters of
 * other links.
 */
export type KernelStep = Exclude<
  Step,
  { type: 'load-ruleset' | 'remove-ruleset' | 'loosen-filter' | 'restore-filter' }
>;

/** Returns true if `carryOut` takes the step. */
export function isKernelStep(step: Step): step is KernelStep {
  return (
    step.type !== 'load-ruleset' &&
    step.type !== 'remove-ruleset' &&
    step.type !== 'loosen-filter' &&
    step.type !== 'restore-filter'
  );
}

/**
 * Carries out the steps in their order. A step that fails does not stop the others.
 *
 * @returns one sentence for each step that failed
 */
export function carryOut(steps: readonly KernelStep[], options: CarryOutOptions): string[] {
  const troubles: string[] = [];
  for (let at = 0; at < steps.length;) {
    const routes = routeSteps(steps, at);
    if (routes.length > 0) {
      troubles.push(...changeRoutes(routes, options));
      at += routes.length;
      continue;
    }
    const step = steps[at++]!;
    try {
      single(step, options);
    } catch (error) {
      troubles.push(trouble(step, error));
    }
  }
  return troubles;
}

type RouteStep = Extract<KernelStep, { route: MeshRoute }>;

function routeSteps(steps: readonly KernelStep[], from: number): RouteStep[] {
  const found: RouteStep[] = [];
  const end = Math.min(steps.length, from + MOST_AT_ONCE);
  for (let at = from; at < end; at++) {
    const step = steps[at]!;
    if (step.type !== 'set-route' && step.type !== 'delete-route') break;
    found.push(step);
  }
  return found;
}

function changeRoutes(steps: readonly RouteStep[], options: CarryOutOptions): string[] {
  const { netlink, table, interfaceIndex } = options;
  const changes = steps.map(({ type, route }): RouteChange =>
    type === 'set-route'
      ? { action: 'replace', route: toRoute(route, table, interfaceIndex) }
      : { action: 'delete', route: toDeletedRoute(route, table) },
  );
  const errors = netlink.changeRoutes(changes);
  return steps.flatMap((step, i) => {
    const error = errors[i];
    if (!error || isDone(step, error)) return [];
    // EEXIST: the wanted route exists, behind a route of another program with the same key.
    const left = error.errno === 'EEXIST' ? setAlone(step, options) : error;
    return left ? [trouble(step, left)] : [];
  });
}

/** Deletes all routes with the key, then adds the wanted one. */
function setAlone({ route }: RouteStep, options: CarryOutOptions): SystemError | undefined {
  const { netlink, table, interfaceIndex } = options;
  const deleted = { action: 'delete', route: toDeletedRoute(route, table) } as const;
  for (let left = MOST_COPIES; left > 0; left--) {
    if (netlink.changeRoutes([deleted])[0]) break;
  }
  const wanted = { action: 'replace', route: toRoute(route, table, interfaceIndex) } as const;
  return netlink.changeRoutes([wanted])[0];
}

function single(step: KernelStep, { netlink, interfaceIndex = 0 }: CarryOutOptions): void {
  switch (step.type) {
    case 'prepare-link':
      prepareLink(netlink, interfaceIndex);
      return;
    case 'set-mtu':
      netlink.setLink(interfaceIndex, { mtu: step.mtu });
      return;
    case 'set-up':
      netlink.setLink(interfaceIndex, { up: true });
      return;
    case 'add-address':
      // Without noPrefixRoute the kernel would add a route for the address to the main table.
      netlink.replaceAddress(interfaceIndex, step.address, { noDad: true, noPrefixRoute: true });
      return;
    case 'delete-address':
      netlink.deleteAddress(interfaceIndex, step.address);
      return;
    case 'add-rule':
      ignoreErrors(['EEXIST'], () => netlink.addRule(toRule(step.rule)));
      return;
    case 'delete-rule':
      ignoreErrors(['ENOENT'], () => netlink.deleteRule(toDeletedRule(step.rule)));
      return;
    case 'set-route':
    case 'delete-route':
    default:
  }
}

function prepareLink(netlink: Netlink, interfaceIndex: number): void {
  netlink.setLink(interfaceIndex, { reversePathFilter: 2 });
  // These errors mean that the kernel has no IPv6. Then it generates no address either.
  ignoreErrors(['EAFNOSUPPORT', 'EOPNOTSUPP', 'EINVAL'], () =>
    netlink.setLink(interfaceIndex, { ipv6AddressGeneration: 'none' }),
  );
}

function ignoreErrors(errors: readonly string[], run: () => void): void {
  try {
    run();
  } catch (error) {
    if (error instanceof SystemError && errors.includes(error.errno)) return;
    throw error;
  }
}

/** Whether the route was already gone: IPv4 reports that as ESRCH, IPv6 as ENOENT. */
function isDone(step: RouteStep, { errno }: SystemError): boolean {
  return step.type === 'delete-route' && (errno === 'ESRCH' || errno === 'ENOENT');
}

function trouble(step: KernelStep, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `could not ${describeStep(step)}: ${reason}`;
}

/** How many routes with one key are deleted at most. */
const MOST_COPIES = 8;
/**
 * The largest number of routes in one call. Messages for thousands of routes would take most of the
 * agent's memory.
 */
const MOST_AT_ONCE = 500;
