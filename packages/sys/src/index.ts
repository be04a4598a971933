/**
 * Linux system calls and rtnetlink: the only room of Litz that knows the FFI.
 *
 * koffi is an optional dependency, loaded on first use: importing this module works everywhere.
 *
 * @module
 */
export { koffi, libc, type Koffi, type Libc } from './libc.ts';
export { addressOf, allocate, type Region } from './memory.ts';
export { check, SystemError } from './system-error.ts';
