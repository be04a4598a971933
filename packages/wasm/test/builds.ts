/**
 * The two builds of the WebAssembly module. The tests of its functions run on both.
 *
 * @module
 */
import type { WasmBuild } from '../src/index.ts';

export const BUILDS: readonly WasmBuild[] = ['simd', 'scalar'];
