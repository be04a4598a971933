/**
 * `answerOf`: does all steps of a request at once.
 *
 * @module
 */

/** Returns the answer. */
export function answerOf(steps: Generator<void, unknown, undefined>): unknown {
  for (;;) {
    const { done = false, value } = steps.next();
    if (done) return value;
  }
}
