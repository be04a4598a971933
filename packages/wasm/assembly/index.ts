/**
 * What the module exports. There is no allocator: everything works on fixed places of the memory that
 * the module is given, or where the caller says.
 */
export { ARENA, KEY, KEY_SLOT_COUNT, KEY_SLOTS, WINDOW, WINDOW_LENGTH } from './memory';
export { deriveSubkey, open, seal } from './aead';
export { copyAndSum } from './copy-and-sum';
