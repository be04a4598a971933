/**
 * The addresses in the module's memory. The module uses the first part. The arena follows, and belongs to
 * the caller.
 */

// The tables of constants are below these addresses (`--memoryBase`). All that follows can hold secrets
// while a function works.

/**
 * 32 bytes: the key of a single operation, or the key from which `deriveSubkey` derives another
 * one.
 */
export const KEY: usize = 0x200;
/**
 * State of Poly1305: four words of h and four words of r, 8 bytes each. Then the second half of the
 * one-time key, 16 bytes, which is added at the end.
 */
export const POLY1305: usize = 0x240;
/** 16 bytes: the last, incomplete block of a text. */
export const BLOCK: usize = 0x2a0;
/** 16 bytes: the computed tag. */
export const TAG: usize = 0x2b0;
/** 32 bytes: a finished hash, or the state of the current one. */
export const HASH: usize = 0x2c0;
/** 8 bytes: how many bytes the current hash has taken. */
export const HASHED: usize = 0x2e0;
/** 64 bytes: the last block of a hash, or the block of an HMAC key. */
export const LAST_BLOCK: usize = 0x300;
/** 32 bytes each: the two inputs of X25519, and its result. */
export const SCALAR: usize = 0x340;
export const POINT: usize = 0x360;
export const PRODUCT: usize = 0x380;
/** 32 bytes each: the states of the two hashes of HMAC after the block of the key. */
export const INNER: usize = 0x3a0;
export const OUTER: usize = 0x3c0;
/** 16 elements of the field of X25519, 80 bytes each. */
export const ELEMENTS: usize = 0x400;

/** The keys of ciphers, 32 bytes each. Several ciphers may share a slot (`src/key-slots.ts`). */
export const KEY_SLOTS: usize = 0x900;
export const KEY_SLOT_COUNT: i32 = 256;
/**
 * For each slot: block 0 of the key streams of four messages, 64 bytes each. The first 32 bytes of a block
 * are a one-time key of Poly1305.
 */
export const FIRST_BLOCKS: usize = 0x2900;
/**
 * The key stream of one message: block 0, whose first 32 bytes are the one-time key, and the blocks of the
 * text.
 */
export const STREAM: usize = 0x12a00;
/** 10240 bytes: enough for block 0 and a text of 10176 bytes. */
export const STREAM_LENGTH: i32 = 0x2800;
/** A copy of bytes from outside this memory: a datagram of any size, and its additional data. */
export const WINDOW: usize = 0x15200;
export const WINDOW_LENGTH: i32 = 0x10400;
/** First byte of the arena. */
export const ARENA: usize = 0x25600;
