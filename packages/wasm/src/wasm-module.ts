/**
 * The compiled module and its two builds: with SIMD, and for engines without it.
 *
 * @module
 */
import { SCALAR_MODULE } from './generated/scalar.ts';
import { SIMD_MODULE } from './generated/simd.ts';
import { decodeBase64, webAssembly, type WasmMemory } from './webassembly.ts';

/** Addresses and lengths are numbers of bytes in the module's memory. `assembly/` has the rest. */
export interface WasmFunctions {
  seal: Aead;
  /** 1: the tag is right. */
  open: (...args: Parameters<Aead>) => number;
  /** The key at `KEY`, 16 bytes of nonce as words; the result is at `HASH`. */
  hchacha20: (w0: number, w1: number, w2: number, w3: number) => void;
  /** The result is at `HASH`; 64 bytes behind the input are zeroed. */
  blake2s: (at: number, length: number, outLength: number, keyLength: number) => void;
  /** `SCALAR` times `POINT` to `HASH`; wipes both. */
  x25519: () => void;
  copyAndSum: (to: number, from: number, length: number) => number;
}

type Aead = (
  n0: number,
  n1: number,
  n2: number,
  auth: number,
  authLength: number,
  data: number,
  length: number,
) => void;

/** Where things stand in the memory. */
export interface WasmPlaces {
  readonly KEY: number;
  readonly HASH: number;
  readonly SCALAR: number;
  readonly POINT: number;
  readonly WINDOW: number;
  readonly WINDOW_LENGTH: number;
  readonly ARENA: number;
}

export type WasmBuild = 'simd' | 'scalar';

/** Whether this engine has SIMD; found out by a function that uses it. */
export function supportedBuild(): WasmBuild {
  return webAssembly().validate(SIMD_PROBE) ? 'simd' : 'scalar';
}

/** Compiles at once. @throws {Error} there is no WebAssembly here */
export function compileModule(build: WasmBuild): object {
  return (compiled[build] ??= new (webAssembly().Module)(bytesOf(build)));
}

/** The same without blocking, for a browser's main thread. */
export async function compileModuleAsync(build: WasmBuild): Promise<object> {
  return (compiled[build] ??= await webAssembly().compile(bytesOf(build)));
}

export function instantiate(
  module: object,
  memory: WasmMemory,
): { functions: WasmFunctions; places: WasmPlaces } {
  const { exports } = new (webAssembly().Instance)(module, { env: { memory } });
  const globals = exports as Record<keyof WasmPlaces, { readonly value: number }>;
  const names = ['KEY', 'HASH', 'SCALAR', 'POINT', 'WINDOW', 'WINDOW_LENGTH', 'ARENA'] as const;
  const places = Object.fromEntries(names.map((name) => [name, globals[name].value]));
  return { functions: exports as WasmFunctions, places: places as unknown as WasmPlaces };
}

const compiled: Partial<Record<WasmBuild, object>> = {};

function bytesOf(build: WasmBuild): Uint8Array {
  return decodeBase64(build === 'simd' ? SIMD_MODULE : SCALAR_MODULE);
}

/** A module with one function: `(func (result v128) i32.const 0 i8x16.splat)`. */
const SIMD_PROBE: Uint8Array = Uint8Array.from(
  '0061736d010000000105016000017b030201000a080106004100fd0f0b'.match(/../g) ?? [],
  (hex) => Number.parseInt(hex, 16),
);
