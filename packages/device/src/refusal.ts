/**
 * Which errors are refusals: what was asked for is wrong or cannot be had, and nothing of it took
 * effect. Everything else that is thrown is a crash, of whatever class it is: a `TypeError` may be a
 * caller's mistake and a bug of ours, which may have left a device half changed.
 *
 * @module
 */
const refusals = new WeakSet<object>();

/** Marks an error that was thrown before anything took effect. Returns it, to be thrown on. */
export function refused(error: unknown): unknown {
  if (typeof error === 'object' && error !== null) refusals.add(error);
  return error;
}

/** Runs what changes nothing, so that what it throws is a refusal. */
export function refusing<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw refused(error);
  }
}

export function isRefusal(error: unknown): boolean {
  return typeof error === 'object' && error !== null && refusals.has(error);
}
