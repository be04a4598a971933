/**
 * `createRandomBytes`: randomness of the system, taken in larger blocks.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';

/** Fills `out` with random bytes; handed-out bytes are not kept. */
export function createRandomBytes(): (out: Uint8Array) => void {
  const block = new Uint8Array(BLOCK_LENGTH);
  let used = BLOCK_LENGTH;
  return (out) => {
    if (out.length > BLOCK_LENGTH) {
      randomFillSync(out);
      return;
    }
    if (used + out.length > BLOCK_LENGTH) {
      randomFillSync(block);
      used = 0;
    }
    out.set(block.subarray(used, used + out.length));
    // An ephemeral key may have been among them.
    block.fill(0, used, used + out.length);
    used += out.length;
  };
}

const BLOCK_LENGTH = 4096;
