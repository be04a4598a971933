/**
 * The part of WebAssembly's JavaScript interface that is used here. Its types are declared here, so
 * that this package does not need the type libraries of browsers and runtimes.
 *
 * @module
 */

/** A memory that never grows, so views of `buffer` stay valid. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

export interface WasmApi {
  readonly Memory: new (limits: { initial: number; maximum: number }) => WasmMemory;
  readonly Module: new (binary: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: WasmImports) => { exports: object };
  compile(binary: Uint8Array): Promise<WasmModule>;
  instantiate(module: WasmModule, imports: WasmImports): Promise<{ exports: object }>;
  validate: (binary: Uint8Array) => boolean;
}

/** Compiled code, as an opaque object. */
export type WasmModule = object;

export interface WasmImports {
  readonly env: { readonly memory: WasmMemory };
}

/** @throws {Error} this runtime has no WebAssembly */
export function webAssembly(): WasmApi {
  const { WebAssembly: api } = globalThis as { WebAssembly?: WasmApi };
  if (!api) throw new Error('this runtime has no WebAssembly');
  return api;
}

/** Bytes of a page of memory. */
export const PAGE_LENGTH: number = 65_536;
