/**
 * Where everything stands in the module's memory. The first part is ours; behind it comes the arena,
 * which is the caller's.
 */

// Tables come first (`--memoryBase`): what follows may be secret while it is in use.

/** 32 bytes: the key of a single operation, or what is to become one. */
export const KEY: usize = 0x200;
/** State of Poly1305: four words of h, four of r, 8 bytes each; then 16 bytes, added at the end. */
export const POLY1305: usize = 0x240;
/** 16 bytes: the last, incomplete block of a text. */
export const BLOCK: usize = 0x2a0;
/** 16 bytes: the tag that was computed. */
export const TAG: usize = 0x2b0;
/** 32 bytes: a hash, or the state on the way to it; 8 bytes behind: how much is in it. */
export const HASH: usize = 0x2c0;
export const HASHED: usize = 0x2e0;
/** 64 bytes: the last block of what is hashed. */
export const LAST_BLOCK: usize = 0x300;
/** 32 bytes each: what X25519 multiplies, and the product. */
export const SCALAR: usize = 0x340;
export const POINT: usize = 0x360;
export const PRODUCT: usize = 0x380;
/** 32 bytes each: what HMAC with one key begins its two hashes with. */
export const INNER: usize = 0x3a0;
export const OUTER: usize = 0x3c0;
/** 16 elements of the field of X25519, 80 bytes each. */
export const ELEMENTS: usize = 0x400;

/** Keys that stay for as long as their slots are theirs, 32 bytes each. */
export const KEY_SLOTS: usize = 0x900;
export const KEY_SLOT_COUNT: i32 = 256;
/** By slot: block 0 of four streams, 64 bytes each, whose first half is a one-time key of Poly1305. */
export const FIRST_BLOCKS: usize = 0x2900;
/** Key stream: 64 bytes whose first half is the one-time key of Poly1305, then that of the text. */
export const STREAM: usize = 0x12a00;
export const STREAM_LENGTH: i32 = 0x2800;
/** Bytes of the caller's that stand elsewhere: a datagram of any size, and what it comes with. */
export const WINDOW: usize = 0x15200;
export const WINDOW_LENGTH: i32 = 0x10400;
/** First byte of the arena. */
export const ARENA: usize = 0x25600;
