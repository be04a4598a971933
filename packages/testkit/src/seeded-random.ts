/**
 * Random bytes that are the same in every run. For tests only: they are not secret.
 *
 * @module
 */

/** Returns a generator of random bytes for a seed (mulberry32). */
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

/** Returns a generator of numbers from 0 to below 1, like `Math.random`, the same in every run. */
export function seededRandom(seed: number): () => number {
  const fill = seededRandomBytes(seed);
  const bytes = new Uint8Array(4);
  const view = new DataView(bytes.buffer);
  return () => {
    fill(bytes);
    return view.getUint32(0) / 2 ** 32;
  };
}
