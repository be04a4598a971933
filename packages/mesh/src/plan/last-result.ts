/**
 * `LastResult`: keeps the last result of a computation, and returns it again for the same inputs.
 * Nearly every round of the agent has the same inputs as the round before.
 *
 * @module
 */

export class LastResult<T> {
  #inputs: readonly unknown[] | undefined = undefined;
  #result: T | undefined = undefined;

  /**
   * Returns the result for these inputs.
   *
   * @param inputs all that `make` reads. They are compared by identity: a caller who changes an
   *   object must pass a new one
   */
  for(inputs: readonly unknown[], make: () => T): T {
    const before = this.#inputs;
    const isSame =
      before?.length === inputs.length && inputs.every((input, i) => Object.is(input, before[i]));
    if (!isSame) {
      this.#result = make();
      this.#inputs = inputs;
    }
    return this.#result as T;
  }
}
