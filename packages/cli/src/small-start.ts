/**
 * A start that uses little memory. The memory that is needed once to load the program counts in the
 * peak memory of the process for its whole life.
 *
 * @module
 */
import { setFlagsFromString } from 'node:v8';

/**
 * Sets V8 flags for all threads of this process, until `endSmallStart`. Call it before the rest of
 * the program is imported: the program's code is most of the memory that is ever allocated.
 */
export function startSmall(): void {
  // While modules are loaded, V8 would optimise the loader: 7 MB in each thread for the lexer of
  // CommonJS alone.
  setFlagsFromString('--no-opt');
  // For heaps that exist already: V8 reads this factor each time the young generation would grow.
  setFlagsFromString('--semi-space-growth-factor=1');
  // For the heaps of threads that start later.
  setFlagsFromString('--optimize-for-size');
}

/**
 * Call it when the program is loaded: V8 optimises code again, but the young generation stays
 * small. For a process that works only now and then: otherwise up to 16 MB of garbage would stay
 * until the next collection.
 */
export function staySmall(): void {
  setFlagsFromString('--opt');
}

/**
 * Call it when the program and its threads are loaded: sets the defaults of V8. From now on code
 * must be fast, and memory is used for data, such as a long configuration. The thread of the packet
 * loop was started before and stays small: it makes no garbage per packet.
 */
export function endSmallStart(): void {
  setFlagsFromString('--opt');
  setFlagsFromString('--semi-space-growth-factor=2');
  setFlagsFromString('--no-optimize-for-size');
}
