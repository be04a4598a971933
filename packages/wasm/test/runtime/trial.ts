/** What `trial.mjs` says if all is well. */
export const SUCCESS: string =
  'simd: 604 lengths as noble, received "a packet"; ' +
  'scalar: 604 lengths as noble, received "a packet"';
