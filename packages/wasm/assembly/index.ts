/**
 * The exports of the module. It has no allocator. The functions work at fixed addresses of the imported
 * memory (`memory.ts`), or at addresses that the caller gives.
 */
export {
  ARENA, FIRST_BLOCKS, HASH, KEY, KEY_SLOT_COUNT, KEY_SLOTS, POINT, PRODUCT, SCALAR, WINDOW,
  WINDOW_LENGTH,
} from './memory';
export { deriveSubkey, open, openShort, seal } from './aead';
export { beginHash, finishHash, updateHash } from './blake2s';
export { firstBlocks } from './chacha20';
export { copyAndSum } from './copy-and-sum';
export { deriveKeys } from './kdf';
export { writeSegments } from './segments';
export { multiplyPoint } from './x25519';
