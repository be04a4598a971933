/**
 * `carryOut`: does steps of a plan that go by rtnetlink, many routes in one message.
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

/** The steps that `carryOut` knows; the others are for nft and for other links' filters. */
export type KernelStep = Exclude<
  Step,
  { type: 'load-ruleset' | 'remove-ruleset' | 'loosen-filter' | 'restore-filter' }
>;

export function isKernelStep(step: Step): step is KernelStep {
  return (
    step.type !== 'load-ruleset' &&
    step.type !== 'remove-ruleset' &&
    step.type !== 'loosen-filter' &&
    step.type !== 'restore-filter'
  );
}

/** @returns what failed, one sentence each; the other steps are done */
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
    // It is there, behind one of somebody else's.
    const left = error.errno === 'EEXIST' ? setAlone(step, options) : error;
    return left ? [trouble(step, left)] : [];
  });
}

/** Deletes all routes with that key, then adds ours. */
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
      // A route of the kernel's own for it would be in the main table, which isn't ours.
      netlink.replaceAddress(interfaceIndex, step.address, { noDad: true, noPrefixRoute: true });
      return;
    case 'delete-address':
      netlink.deleteAddress(interfaceIndex, step.address);
      return;
    case 'add-rule':
      ignoring(['EEXIST'], () => netlink.addRule(toRule(step.rule)));
      return;
    case 'delete-rule':
      ignoring(['ENOENT'], () => netlink.deleteRule(toDeletedRule(step.rule)));
      return;
    case 'set-route':
    case 'delete-route':
    default:
  }
}

function prepareLink(netlink: Netlink, interfaceIndex: number): void {
  netlink.setLink(interfaceIndex, { reversePathFilter: 2 });
  // A kernel without IPv6 makes no address either.
  ignoring(['EAFNOSUPPORT', 'EOPNOTSUPP', 'EINVAL'], () =>
    netlink.setLink(interfaceIndex, { ipv6AddressGeneration: 'none' }),
  );
}

function ignoring(errors: readonly string[], run: () => void): void {
  try {
    run();
  } catch (error) {
    if (error instanceof SystemError && errors.includes(error.errno)) return;
    throw error;
  }
}

/** ESRCH is IPv4's, ENOENT IPv6's: somebody was faster. */
function isDone(step: RouteStep, { errno }: SystemError): boolean {
  return step.type === 'delete-route' && (errno === 'ESRCH' || errno === 'ENOENT');
}

function trouble(step: KernelStep, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `could not ${describeStep(step)}: ${reason}`;
}

const MOST_COPIES = 8;
/** Of thousands, the messages of all together would be most of what the agent ever has in memory. */
const MOST_AT_ONCE = 500;
