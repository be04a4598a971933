/**
 * `Steps`: work that is done in small steps, so that other work can be done in between.
 *
 * @module
 */

/** Each call of `next` does a step of a few microseconds. */
export type Steps<Result = void> = Generator<void, Result, undefined>;

/** Does all steps at once, and returns the result. */
export function runSteps<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
