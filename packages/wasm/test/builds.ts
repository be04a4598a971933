/**
 * The two builds. Each test of a kernel runs on both.
 *
 * @module
 */
import type { WasmBuild } from '../src/index.ts';

export const BUILDS: readonly WasmBuild[] = ['simd', 'scalar'];
