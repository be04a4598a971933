/**
 * `closeAll`: closes everything that a command has opened, even if one part cannot be closed, for
 * instance because /run has become read-only.
 *
 * @module
 */

/**
 * Calls all functions, one after the other. The errors are thrown after all were called.
 *
 * @throws (rejects) the error, if there was only one
 * @throws {AggregateError} (rejects) several errors; the message has the messages of all
 */
export async function closeAll(...closers: readonly (() => unknown)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const close of closers) {
    try {
      await close();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, errors.map(textOf).join('; '));
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
