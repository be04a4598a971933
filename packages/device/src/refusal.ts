/**
 * Marks the errors that are refusals. A refusal means: the request was wrong or impossible, and
 * nothing of it took effect. Every other error is a crash, whatever its class: a `TypeError` can be
 * a mistake of the caller or a bug in Litz, and after a bug the device may be half changed.
 *
 * @module
 */
const refusals = new WeakSet<object>();

/**
 * Marks an error that was thrown before anything took effect. Returns the error, for the caller to
 * throw.
 */
export function markRefused(error: unknown): unknown {
  if (typeof error === 'object' && error !== null) refusals.add(error);
  return error;
}

/**
 * Runs an action that changes nothing. If the action throws an error, the error is marked as a
 * refusal.
 */
export function markRefusals<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw markRefused(error);
  }
}

/** Returns whether the error was marked as a refusal. */
export function isRefused(error: unknown): boolean {
  return typeof error === 'object' && error !== null && refusals.has(error);
}
