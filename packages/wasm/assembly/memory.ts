/**
 * Where everything stands in the module's memory. The first kilobytes are ours, then comes the window
 * that foreign bytes are copied through, then the arena, which is the caller's.
 */

/** 32 bytes: the key of the next operation. */
export const KEY: usize = 64;
/** 256 bytes: four blocks of key stream. Block 0 of a message is the one-time key of Poly1305. */
export const STREAM: usize = 128;
/** r, r^2, r^3, r^4 of Poly1305, five 26-bit limbs each. */
export const POWERS: usize = 384;
/** 16 bytes: the last, incomplete block of a text. */
export const BLOCK: usize = 512;
/** 16 bytes: the tag that was computed. */
export const TAG: usize = 544;
/** 32 bytes: a hash, or the state on the way to it. */
export const HASH: usize = 576;
/** 32 bytes each: what X25519 works with. */
export const SCALAR: usize = 640;
export const POINT: usize = 672;
/** Bytes of the caller's that stand elsewhere: the largest datagram, and its header. */
/** 16 elements of the field of X25519. */
export const ELEMENTS: usize = 704;
export const WINDOW: usize = 2048;
export const WINDOW_LENGTH: usize = 66560;
export const ARENA: usize = WINDOW + WINDOW_LENGTH;
