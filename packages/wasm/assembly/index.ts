/**
 * What the module exports. There is no allocator: everything works on fixed places of the memory that
 * the module is given, or where the caller says.
 */
export { ARENA, HASH, KEY, POINT, SCALAR, WINDOW, WINDOW_LENGTH } from './memory';
export { open, seal } from './aead';
export { blake2s } from './blake2s';
export { copyAndSum } from './bytes';
export { hchacha20 } from './chacha20';
export { x25519 } from './x25519';
