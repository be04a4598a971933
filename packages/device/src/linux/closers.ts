/**
 * `Closers`: functions that close resources, called in the reverse order of opening.
 *
 * @module
 */

export class Closers {
  readonly #closers: (() => void)[] = [];

  add(closer: () => void): void {
    this.#closers.push(closer);
  }

  /**
   * Calls all functions and forgets them. If one throws, the others are called all the same.
   *
   * @returns the errors that were thrown
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
