import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { requirement, type Requirement } from '@litz/testkit';

/** The build that `trial.mjs` imports. */
export const built: Requirement = requirement('the built @litz/wasm', () =>
  existsSync(join(import.meta.dirname, '../../dist/index.js')),
);

/** The result of `trial.mjs` if all is right. */
export const SUCCESS: string =
  'simd: 604 lengths as noble, received "a packet"; ' +
  'scalar: 604 lengths as noble, received "a packet"';
