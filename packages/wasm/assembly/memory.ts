/**
 * Where everything stands in the module's memory. The first part is ours; behind it comes the arena,
 * which is the caller's.
 */

/** 32 bytes: the key of a single operation, or what is to become one. */
export const KEY: usize = 0x40;
/** State of Poly1305: five words of h, four of r, 8 bytes each; then the 16 bytes added at the end. */
export const POLY1305: usize = 0x80;
/** 16 bytes: the last, incomplete block of a text. */
export const BLOCK: usize = 0xe0;
/** 16 bytes: the tag that was computed. */
export const TAG: usize = 0xf0;

/** Keys that stay for as long as their slots are theirs, 32 bytes each. */
export const KEY_SLOTS: usize = 0x800;
export const KEY_SLOT_COUNT: i32 = 256;
/** Key stream: 64 bytes whose first half is the one-time key of Poly1305, then that of the text. */
export const STREAM: usize = 0x2800;
export const STREAM_LENGTH: i32 = 0x2800;
/** Bytes of the caller's that stand elsewhere: a datagram of any size, and what it comes with. */
export const WINDOW: usize = 0x5000;
export const WINDOW_LENGTH: i32 = 0x10400;
/** First byte of the arena. */
export const ARENA: usize = 0x15400;
