/**
 * Where everything stands in the module's memory. The first part is ours; behind it comes the arena,
 * which is the caller's.
 */

/** First byte of the arena: everything below belongs to the module. */
export const ARENA: usize = 0x400;
