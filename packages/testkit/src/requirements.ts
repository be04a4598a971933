/**
 * The requirements of a test besides Node.js: a privilege, a program, a kernel feature.
 *
 * A requirement is tried out once per process. If it is missing, the suite is skipped and its title
 * says why. With `LITZ_REQUIRE_ALL=1` (CI), a missing requirement is a failure, so that no test is
 * left out unnoticed.
 *
 * ```ts
 * const namespaces = requirement('network namespaces', hasNamespacePrivilege);
 * describeWith([namespaces, programRequirement('wg')], 'kernel peer', () => { ... });
 * ```
 *
 * @module
 */
/* oxlint-disable vitest/valid-title, vitest/valid-describe-callback,
   vitest/no-conditional-tests, vitest/no-disabled-tests --
   these rules are for a suite's own text; here suites are made from arguments */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

export interface Requirement {
  readonly name: string;
  /**
   * Returns why the requirement is missing; undefined if it is met. The first call tries the
   * requirement, and the result is kept.
   */
  missing(): string | undefined;
}

/**
 * Creates a requirement.
 *
 * @param probe tries the requirement. It returns true or nothing if the requirement is met, and
 *   false or the reason if not. If it throws an error, the message of the error is the reason
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

/** Requires a program in PATH, and tries to start it. The exit code does not matter. */
export function programRequirement(program: string, args: string[] = ['--version']): Requirement {
  return requirement(`program ${program}`, () => {
    const { error } = spawnSync(program, args, { stdio: 'ignore', timeout: 10_000 });
    return error ? error.message : true;
  });
}

/** Requires that this process may give its threads a real-time priority. */
export const realtimePriorities: Requirement = requirement(
  'real-time priorities',
  () => succeeds('chrt', '--rr', '1', 'true') || 'this process may not set them (CAP_SYS_NICE)',
);

/**
 * Returns whether this process can raise the limit of real-time priorities (RLIMIT_RTPRIO). It
 * needs CAP_SYS_RESOURCE, which some virtual machines do not have.
 */
export function canRaiseRealtimeLimit(): boolean {
  return succeeds('prlimit', '--rtprio=1:1', 'true');
}

/**
 * Calls `describe` if every requirement is met. If a requirement is missing, defines a skipped
 * suite with the reasons in its title. If `LITZ_REQUIRE_ALL` is 1, defines a failing suite instead.
 * The body of a skipped suite still runs, to name its tests. So create nothing outside `beforeAll`
 * and the tests.
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

/**
 * Returns the name and the reason of each missing requirement. A single test can use it instead of
 * `describeWith`.
 */
export function missingRequirements(requirements: readonly Requirement[]): string[] {
  return requirements.flatMap((required) => {
    const reason = required.missing();
    return reason === undefined ? [] : [`${required.name} is missing (${reason})`];
  });
}

function succeeds(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
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
