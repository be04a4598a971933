/**
 * `Convergence`: plans and carries out the steps from the present state of the machine to a desired
 * state.
 *
 * @module
 */
import type { RulesetKeeper } from '../netfilter/ruleset-keeper.ts';
import type { ActualHost } from '../plan/actual-host.ts';
import type { DesiredHost } from '../plan/desired-host.ts';
import { planRoutes } from '../plan/plan.ts';
import type { Step } from '../plan/step.ts';
import type { KernelState } from '../routes/kernel-state.ts';
import type { LinkFilters } from '../routes/link-filters.ts';
import type { WantedRoutes } from '../routes/wanted-routes.ts';
import type { Applied } from './mesh-host.ts';
import { isForNft, type StepRunner } from './step-runner.ts';

export interface ConvergenceOptions {
  /** The present state. The caller keeps it up to date. */
  readonly state: KernelState;
  /** The desired routes, and which of them may differ from the present routes. */
  readonly wanted: WantedRoutes;
  readonly filters: LinkFilters;
  readonly ruleset: RulesetKeeper;
  readonly runner: StepRunner;
}

export class Convergence {
  readonly #options: ConvergenceOptions;

  constructor(options: ConvergenceOptions) {
    this.#options = options;
  }

  /** Carries out the steps before the first step for `nft`. `isOpen`: more steps are left. */
  untilNft(desired: DesiredHost): Applied & { readonly isOpen: boolean } {
    const steps = this.#plan(desired);
    const end = steps.findIndex(isForNft);
    const now = end === -1 ? steps : steps.slice(0, end);
    return { steps: now, troubles: this.#options.runner.runNow(now), isOpen: end !== -1 };
  }

  /** Carries out all steps that are left. */
  async rest(desired: DesiredHost): Promise<Applied> {
    const steps = this.#plan(desired);
    const isEnforced = desired.enforcement === 'enforce';
    return { steps, troubles: await this.#options.runner.run(steps, isEnforced) };
  }

  #plan(desired: DesiredHost): Step[] {
    const { wanted } = this.#options;
    const { byKey, suspects } = wanted;
    const actual = this.#actual(desired);
    const steps =
      suspects === 'all'
        ? planRoutes(desired, byKey, actual)
        : planRoutes(desired, entriesOf(suspects, byKey), {
            ...actual,
            routes: entriesOf(suspects, actual.routes),
          });
    // A change may fail. So the routes that change now stay in `suspects`, and the next plan
    // compares them once more.
    if (!steps.some(({ type }) => type === 'set-route' || type === 'delete-route')) {
      wanted.clear();
    }
    return steps;
  }

  #actual({ looseLinks }: DesiredHost): ActualHost {
    const { state, filters, ruleset } = this.#options;
    const { link, routes, rules } = state;
    return {
      link,
      routes,
      rules,
      looseLinks: filters.loosened(),
      strictLinks: new Set(looseLinks.filter((name) => filters.isStrict(name))),
      ruleset: ruleset.loaded,
    };
  }
}

function entriesOf<T>(keys: ReadonlySet<string>, map: ReadonlyMap<string, T>): Map<string, T> {
  const some = new Map<string, T>();
  for (const key of keys) {
    const value = map.get(key);
    if (value !== undefined) some.set(key, value);
  }
  return some;
}
