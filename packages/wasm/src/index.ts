/**
 * WireGuard's cryptography in WebAssembly, functions that copy and split packets, and memory for
 * the packets. The functions work on 128 bits at a time if the JavaScript engine supports SIMD. The
 * package loads without file access, so that every runtime and bundler can use it.
 *
 * @module
 */
export {
  createWasmByteOperations,
  type WasmByteOperations,
  type WasmSegmentPlan,
} from './byte-operations.ts';
export { type WasmBuild } from './kernels.ts';
export { WasmArena, type WasmArenaOptions } from './wasm-arena.ts';
export { wasmProvider } from './wasm-provider.ts';
export { type WasmMemory } from './web-assembly.ts';
