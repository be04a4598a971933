/**
 * Heaps for a process that makes next to no garbage: what V8 would let young generations grow to,
 * about 5 MB while a daemon starts, is memory for nothing.
 *
 * @module
 */
import { setFlagsFromString } from 'node:v8';

/**
 * For all heaps of this process, from here on. To be called before the rest of the program is
 * imported: its code is most of what is ever allocated.
 */
export function keepHeapsSmall(): void {
  // Of a heap that is there already: V8 looks at the factor each time it would grow.
  setFlagsFromString('--semi-space-growth-factor=1');
  // Of the heaps of threads, which are made later.
  setFlagsFromString('--optimize-for-size');
}

/**
 * The program has started: what is allocated from now on is somebody's data, such as a long
 * configuration. The packet loop's thread, made before, stays small: it makes no garbage per packet.
 */
export function letHeapsGrow(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
  setFlagsFromString('--no-optimize-for-size');
}
