/**
 * `WasmArena`: memory for packets that WebAssembly processes in place.
 *
 * ```
 * 0               arena start                               byteLength
 * | keys, scratch | allocated | allocated | ... not yet ... |
 * ```
 *
 * Bytes in a view from `allocate` are processed in place. Bytes from elsewhere are copied in and
 * out.
 *
 * @module
 */
import { KeySlots } from './key-slots.ts';
import {
  fastestBuild,
  instantiate,
  instantiateSync,
  type Kernels,
  type WasmBuild,
} from './kernels.ts';
import { PAGE_LENGTH, webAssembly, type WasmMemory } from './web-assembly.ts';

/** Options of `WasmArena.create` and `createSync`. */
export interface WasmArenaOptions {
  /** How many bytes can be allocated. Default 0, for callers that only use the functions. */
  readonly length?: number;
  /** Default: the fastest build that the engine supports. */
  readonly build?: WasmBuild;
}

/**
 * Memory for packets, with the functions of the module that process it. It never grows, and is
 * freed by garbage collection when nothing refers to it.
 *
 * @example
 *
 * ```ts
 * import { WasmArena, wasmProvider } from '@litz/wasm';
 *
 * const arena = WasmArena.createSync({ length: 65_536 });
 * const cipher = wasmProvider(arena).createCipher(new Uint8Array(32));
 * const slab = arena.allocate(2048); // bytes here are encrypted in place
 * cipher.seal(0, slab, 16, 64); // the tag is in bytes 80 to 95
 * console.log(cipher.open(0, slab, 16, 64)); // true
 * cipher.destroy();
 * ```
 */
export class WasmArena {
  /**
   * Makes an arena synchronously. In the main thread of a browser use `create` instead.
   *
   * @throws {RangeError} `length` is not an integer from 0 to 2^30, or there is not enough memory
   * @throws {Error} this runtime has no WebAssembly
   */
  static createSync(options: WasmArenaOptions = {}): WasmArena {
    const { build = fastestBuild() } = options;
    const memory = memoryFor(options);
    return new WasmArena(build, memory, instantiateSync(build, memory));
  }

  /**
   * Makes an arena, and compiles the module without blocking. Throws (rejects) as `createSync`
   * does.
   */
  static async create(options: WasmArenaOptions = {}): Promise<WasmArena> {
    const { build = fastestBuild() } = options;
    const memory = memoryFor(options);
    return new WasmArena(build, memory, await instantiate(build, memory));
  }

  /** The build of the module. */
  readonly build: WasmBuild;
  /** The memory of the module. Its length never changes. */
  readonly memory: WasmMemory;
  /**
   * The whole memory. The part before the first allocation belongs to the module and contains keys.
   */
  readonly bytes: Uint8Array;
  /** @internal The functions that the other files of this package call. */
  readonly kernels: Kernels;
  /** @internal The key slots of ciphers. */
  readonly keySlots: KeySlots;
  /**
   * A part of the memory that bytes from elsewhere are copied to. Between two calls it contains
   * zeros or public bytes.
   */
  readonly window: Uint8Array;
  #end: number;

  private constructor(build: WasmBuild, memory: WasmMemory, kernels: Kernels) {
    if (kernels.ARENA.value > RESERVED_LENGTH)
      throw new Error('the module reserves more memory than expected');
    this.build = build;
    this.memory = memory;
    this.bytes = new Uint8Array(memory.buffer);
    this.kernels = kernels;
    this.keySlots = new KeySlots(this.bytes, kernels);
    const { WINDOW, WINDOW_LENGTH } = kernels;
    this.window = this.bytes.subarray(WINDOW.value, WINDOW.value + WINDOW_LENGTH.value);
    this.#end = kernels.ARENA.value;
  }

  /**
   * Returns `length` zero bytes at an address that is a multiple of 64. They are valid as long as
   * the arena exists.
   *
   * @throws {RangeError} `length` is not an integer from 0 to the number of bytes that are left
   */
  allocate(length: number): Uint8Array {
    const start = (this.#end + ALIGNMENT - 1) & -ALIGNMENT;
    const left = this.bytes.length - start;
    if (!(Number.isInteger(length) && length >= 0 && length <= left)) {
      throw new RangeError(`"length" expected an integer from 0 to ${left}, got ${length}`);
    }
    this.#end = start + length;
    return new Uint8Array(this.memory.buffer, start, length);
  }

  /** Whether the bytes are in this arena and can be processed in place. */
  owns(bytes: Uint8Array): boolean {
    return bytes.buffer === this.memory.buffer;
  }
}

function memoryFor({ length = 0 }: WasmArenaOptions): WasmMemory {
  if (!(Number.isInteger(length) && length >= 0 && length <= MAX_LENGTH)) {
    throw new RangeError(`"length" expected an integer from 0 to ${MAX_LENGTH}, got ${length}`);
  }
  const pages = Math.ceil((RESERVED_LENGTH + length) / PAGE_LENGTH);
  return new (webAssembly().Memory)({ initial: pages, maximum: pages });
}

const ALIGNMENT = 64;
/** In bytes. The module uses at most this much memory for itself. */
const RESERVED_LENGTH = 0x25600;
/** In bytes. With this limit, all addresses fit into 31 bits. */
const MAX_LENGTH = 2 ** 30;
