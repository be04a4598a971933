/**
 * `closeAll`: closes what a command has opened, also if a part of it cannot be closed, for instance
 * because /run has become read-only.
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
