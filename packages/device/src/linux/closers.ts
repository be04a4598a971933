/**
 * `Closers`: what is to be closed in the end, from what was opened last to what was opened first.
 *
 * @module
 */

export class Closers {
  readonly #closers: (() => void)[] = [];

  add(closer: () => void): void {
    this.#closers.push(closer);
  }

  /**
   * Runs them all, whichever of them fails, and forgets them.
   *
   * @returns what was thrown
   */
  close(): unknown[] {
    const errors: unknown[] = [];
    let closer: (() => void) | undefined;
    while ((closer = this.#closers.pop())) {
      try {
        closer();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }
}
