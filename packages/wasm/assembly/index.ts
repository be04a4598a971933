/**
 * What the module exports. There is no allocator: everything works on fixed places of the memory that
 * the module is given, or where the caller says.
 */
export { ARENA } from './memory';
export { copyAndSum } from './copy-and-sum';
