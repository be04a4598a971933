/**
 * A start that takes little memory: what is needed once, to load a program, stays with the process as
 * what it has at most.
 *
 * @module
 */
import { setFlagsFromString } from 'node:v8';

/**
 * For all threads of this process, until `endSmallStart`. To be called before the rest of the program is
 * imported: its code is most of what is ever allocated.
 */
export function startSmall(): void {
  // What is optimised while modules are loaded is the loader: 7 MB for the lexer of CommonJS alone, in
  // each thread.
  setFlagsFromString('--no-opt');
  // The young generation of a heap that is there already: V8 looks at the factor each time it would grow.
  setFlagsFromString('--semi-space-growth-factor=1');
  // Those of the heaps of threads, which are made later.
  setFlagsFromString('--optimize-for-size');
}

/**
 * The program is loaded, and what runs often from now on is to be fast; but the young generation stays
 * small. For a process that does a little now and then: 16 MB of garbage would lie there until the next
 * collection.
 */
export function staySmall(): void {
  setFlagsFromString('--opt');
}

/**
 * The program is loaded, its threads too: what runs often from now on is to be fast, and what is allocated
 * is somebody's data, such as a long configuration. The packet loop's thread, made before, stays small: it
 * makes no garbage per packet. Sets what V8 has by default.
 */
export function endSmallStart(): void {
  setFlagsFromString('--opt');
  setFlagsFromString('--semi-space-growth-factor=2');
  setFlagsFromString('--no-optimize-for-size');
}
