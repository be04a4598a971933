/**
 * What a test needs beyond Node: a privilege, a program, a kernel feature.
 *
 * A requirement is probed by doing, once per process. Where it is missing, the suite is skipped and
 * its title says why; with `LITZ_REQUIRE_ALL=1` (CI) a missing requirement is a failure instead, so
 * that nothing is left out unnoticed.
 *
 * ```ts
 * const namespaces = requirement('network namespaces', hasNamespacePrivilege);
 * describeWith([namespaces, programRequirement('wg')], 'kernel peer', () => { ... });
 * ```
 *
 * @module
 */
/* oxlint-disable vitest/valid-title, vitest/valid-describe-callback, vitest/no-conditional-tests, vitest/no-disabled-tests --
   these rules are for a suite's own text; here suites are made from arguments */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

export interface Requirement {
  readonly name: string;
  /** Why it is missing; undefined if it is there. Probed on the first call, then remembered. */
  missing(): string | undefined;
}

/**
 * @param probe tries it out. Present: returns true or nothing. Missing: returns false or the reason,
 *   or throws; what it throws is the reason
 */
export function requirement(name: string, probe: () => boolean | string | void): Requirement {
  let probed = false;
  let reason: string | undefined;
  return {
    name,
    missing(): string | undefined {
      if (!probed) {
        reason = tryProbe(probe);
        probed = true;
      }
      return reason;
    },
  };
}

/** A program on the PATH, probed by starting it. Its exit code does not matter. */
export function programRequirement(program: string, args: string[] = ['--version']): Requirement {
  return requirement(`program ${program}`, () => {
    const { error } = spawnSync(program, args, { stdio: 'ignore', timeout: 10_000 });
    return error ? error.message : true;
  });
}

/**
 * `describe` if every requirement is there; otherwise a skipped suite with the reasons in its title,
 * or a failing one under `LITZ_REQUIRE_ALL=1`. A skipped suite's body still runs, to name its tests:
 * make nothing outside of `beforeAll` and the tests.
 */
export function describeWith(
  requirements: readonly Requirement[],
  title: string,
  body: () => void,
): void {
  const reasons = missingRequirements(requirements);
  if (reasons.length === 0) {
    describe(title, body);
  } else if (process.env['LITZ_REQUIRE_ALL'] === '1') {
    describe(title, () => {
      test('has what it requires', () => expect(reasons).toEqual([]));
    });
  } else {
    describe.skip(`${title} [skipped: ${reasons.join('; ')}]`, body);
  }
}

/** 'name: reason' of each one that is missing; for a single test that decides by itself. */
export function missingRequirements(requirements: readonly Requirement[]): string[] {
  return requirements.flatMap((required) => {
    const reason = required.missing();
    return reason === undefined ? [] : [`${required.name} is missing (${reason})`];
  });
}

function tryProbe(probe: () => boolean | string | void): string | undefined {
  try {
    const result = probe();
    if (typeof result === 'string') return result;
    return result === false ? 'not available' : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
