/**
 * WireGuard's cryptography in WebAssembly, for any JavaScript runtime.
 *
 * ```ts
 * const provider = createWasmProvider(); // in a browser: await loadWasmProvider()
 * const engine = new Engine({ crypto: provider, ... });
 * ```
 *
 * Constant time is a promise of the source, not of the engine that compiles it: there is no branch and
 * no address that depends on a secret.
 *
 * @module
 */
export { WasmArena, type WasmArenaOptions } from './wasm-arena.ts';
export type { WasmBuild, WasmFunctions, WasmPlaces } from './wasm-module.ts';
export { createWasmProvider, loadWasmProvider } from './wasm-provider.ts';
