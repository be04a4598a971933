/**
 * What is used of WebAssembly and the web's globals: this package is for any runtime, so it compiles
 * against neither the DOM's types nor Node's.
 *
 * @module
 */

export interface WasmMemory {
  /** Never detached here: the memory does not grow. */
  readonly buffer: ArrayBuffer;
}

interface WebAssemblyNamespace {
  Memory: new (descriptor: { initial: number; maximum: number }) => WasmMemory;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: object };
  validate(bytes: Uint8Array): boolean;
  compile(bytes: Uint8Array): Promise<object>;
}

interface Globals {
  WebAssembly?: WebAssemblyNamespace;
  atob(text: string): string;
}

const globals = globalThis as unknown as Globals;

/** @throws {Error} this engine has no WebAssembly */
export function webAssembly(): WebAssemblyNamespace {
  if (globals.WebAssembly) return globals.WebAssembly;
  throw new Error('this JavaScript engine has no WebAssembly');
}

export function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(globals.atob(text), (character) => character.charCodeAt(0));
}
