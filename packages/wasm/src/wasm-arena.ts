/**
 * `WasmArena`: memory that WebAssembly works on in place, the packets of a device for instance.
 *
 * @module
 */
import {
  compileModule,
  instantiate,
  supportedBuild,
  type WasmBuild,
  type WasmFunctions,
  type WasmPlaces,
} from './wasm-module.ts';
import { webAssembly } from './webassembly.ts';

export interface WasmArenaOptions {
  /** Bytes for the caller; default 0. */
  length?: number;
  /** Default: with SIMD where the engine has it. */
  build?: WasmBuild;
  /** A compiled module; default: it is compiled now. */
  module?: object;
}

export class WasmArena {
  readonly build: WasmBuild;
  /** All of the memory, also what the module keeps for itself. Its address never changes. */
  readonly memory: Uint8Array;
  /** The caller's part of it: zeros. */
  readonly bytes: Uint8Array;
  /** For `@litz/wasm` itself. */
  readonly functions: WasmFunctions;
  /** For `@litz/wasm` itself. */
  readonly places: WasmPlaces;

  /**
   * @throws {RangeError} `length` is no number of bytes that a memory of 4 GiB has
   * @throws {Error} this engine has no WebAssembly
   */
  constructor({ length = 0, build = supportedBuild(), module }: WasmArenaOptions = {}) {
    if (!Number.isSafeInteger(length) || length < 0 || length > MAXIMUM_LENGTH) {
      throw new RangeError(`"length" expected 0 to ${MAXIMUM_LENGTH}, got ${length}`);
    }
    const pages = Math.ceil((RESERVED + length) / PAGE);
    const memory = new (webAssembly().Memory)({ initial: pages, maximum: pages });
    const { functions, places } = instantiate(module ?? compileModule(build), memory);
    this.build = build;
    this.functions = functions;
    this.places = places;
    this.memory = new Uint8Array(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer, places.ARENA, length);
  }

  /**
   * Copies bytes of `bytes`, at most 65535 that do not overlap their new place, while they are summed.
   *
   * @param to and `from` are offsets in `bytes`
   * @returns their folded one's complement sum in network order (RFC 1071)
   */
  copyAndSum(to: number, from: number, length: number): number {
    const { ARENA } = this.places;
    return this.functions.copyAndSum(ARENA + to, ARENA + from, length);
  }
}

/** What the module has before the arena; `assembly/memory.ts`. */
const RESERVED = 2048 + 66_560;
const PAGE = 65_536;
const MAXIMUM_LENGTH: number = 2 ** 32 - PAGE - RESERVED;
