/**
 * What the module exports. There is no allocator: everything works on fixed places of the memory
 * that the module is given, or where the caller says.
 */
export {
  ARENA, FIRST_BLOCKS, HASH, KEY, KEY_SLOT_COUNT, KEY_SLOTS, POINT, PRODUCT, SCALAR, WINDOW,
  WINDOW_LENGTH,
} from './memory';
export { deriveSubkey, open, seal } from './aead';
export { beginHash, finishHash, updateHash } from './blake2s';
export { firstBlocks } from './chacha20';
export { copyAndSum } from './copy-and-sum';
export { deriveKeys } from './kdf';
export { writeSegments } from './segments';
export { multiplyPoint } from './x25519';
