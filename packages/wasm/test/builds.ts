/**
 * The two builds. Each test of a kernel runs on both builds.
 *
 * @module
 */
import type { WasmBuild } from '../src/index.ts';

export const BUILDS: readonly WasmBuild[] = ['simd', 'scalar'];
