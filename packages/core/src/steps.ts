/**
 * `Steps`: work that is done in small steps, so that other work can be done in between.
 *
 * @module
 */

/** Each call of `next` does a step of a few microseconds. */
export type Steps = Generator<void, void, undefined>;

/** Does all steps at once. */
export function runSteps(steps: Steps): void {
  while (steps.next().done !== true);
}
