/**
 * `closeAll`: closes everything that a command has opened, even if one part cannot be closed, for
 * instance because /run has become read-only.
 *
 * @module
 */

/**
 * Calls all functions, one after the other.
 *
 * @throws (rejects) the first error, after all were called
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
  if (errors.length > 0) throw errors[0];
}
