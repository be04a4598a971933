/**
 * `StepRunner`: carries out the steps of a plan in their order. It uses rtnetlink, the program
 * `nft`, and the reverse path filters of links.
 *
 * @module
 */
import type { Netlink } from '@litz/sys';
import type { RulesetKeeper } from '../netfilter/ruleset-keeper.ts';
import { describeStep, type Step } from '../plan/step.ts';
import { carryOut, isKernelStep, type KernelStep } from '../routes/carry-out.ts';
import type { LinkFilters } from '../routes/link-filters.ts';

export interface StepRunnerOptions {
  readonly netlink: Netlink;
  readonly table: number;
  readonly filters: LinkFilters;
  readonly ruleset: RulesetKeeper;
  /** Returns the present index of the tunnel's interface; undefined while there is none. */
  readonly linkIndex: () => number | undefined;
}

/** Carries out steps. `run` and `runNow` return one sentence for each step that failed. */
export class StepRunner {
  readonly #options: StepRunnerOptions;

  constructor(options: StepRunnerOptions) {
    this.#options = options;
  }

  /**
   * Carries out all steps.
   *
   * @param isEnforced whether unencrypted packets must be refused. If so, a step for `nft` that
   *   fails ends the plan. The later steps are not carried out, because they would remove
   *   protection that only the new ruleset replaces
   */
  async run(steps: readonly Step[], isEnforced: boolean): Promise<string[]> {
    const troubles: string[] = [];
    for (let at = 0; at < steps.length;) {
      const next = steps.findIndex((step, i) => i >= at && isForNft(step));
      const end = next === -1 ? steps.length : next;
      troubles.push(...this.runNow(steps.slice(at, end)));
      const trouble = next === -1 ? undefined : await this.#runNft(steps[next]!);
      if (trouble !== undefined) {
        troubles.push(trouble);
        if (isEnforced) return troubles;
      }
      at = end + 1;
    }
    return troubles;
  }

  /** Carries out steps without waiting; none of them may be for `nft`. */
  runNow(steps: readonly Step[]): string[] {
    const troubles: string[] = [];
    let run: KernelStep[] = [];
    const flush = (): void => {
      const { netlink, table, linkIndex } = this.#options;
      troubles.push(...carryOut(run, { netlink, table, interfaceIndex: linkIndex() }));
      run = [];
    };
    for (const step of steps) {
      if (isKernelStep(step)) {
        run.push(step);
        continue;
      }
      flush();
      const trouble = this.#changeFilter(step);
      if (trouble !== undefined) troubles.push(trouble);
    }
    flush();
    return troubles;
  }

  async #runNft(step: Step): Promise<string | undefined> {
    const { ruleset } = this.#options;
    try {
      if (step.type === 'load-ruleset') await ruleset.load(step.ruleset);
      else await ruleset.remove();
      return undefined;
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      return failure(step, isMissing ? NFT_MISSING : messageOf(error));
    }
  }

  #changeFilter(step: Step): string | undefined {
    const { filters } = this.#options;
    try {
      if (step.type === 'loosen-filter') filters.loosen(step.link);
      if (step.type === 'restore-filter') filters.restore(step.link);
      return undefined;
    } catch (error) {
      return failure(step, messageOf(error));
    }
  }
}

/** Returns true if the program `nft` carries out the step. */
export function isForNft({ type }: Step): boolean {
  return type === 'load-ruleset' || type === 'remove-ruleset';
}

/** Returns the message of an error, or the text of another thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failure(step: Step, reason: string): string {
  return `could not ${describeStep(step)}: ${reason}`;
}

/** The reason why a ruleset cannot be loaded if there is no program `nft`. */
export const NFT_MISSING =
  'the program nft is missing; install the package nftables (`apt install nftables`, `dnf install nftables`)';
