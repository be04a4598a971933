/**
 * Random bytes that are the same in every run. For tests: nothing secret may come from here.
 *
 * @module
 */

/** A generator of its own per seed (mulberry32). */
export function seededRandomBytes(seed: number): (out: Uint8Array) => void {
  let state = seed >>> 0;
  return (out) => {
    for (let i = 0; i < out.length; i++) {
      state = (state + 0x6d2b79f5) >>> 0;
      let value = Math.imul(state ^ (state >>> 15), state | 1);
      value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
      out[i] = (value ^ (value >>> 14)) & 0xff;
    }
  };
}
