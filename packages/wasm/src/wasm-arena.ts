/**
 * `WasmArena`: memory for packets that WebAssembly works on in place.
 *
 * ```
 * 0               arena start                               byteLength
 * | keys, scratch | allocated | allocated | ... not yet ... |
 * ```
 *
 * What is in a view that `allocate` gave is worked on where it stands. Bytes from anywhere else are
 * copied in and out again.
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

export interface WasmArenaOptions {
  /** Bytes to allocate from. Default 0: for those who use the functions alone. */
  readonly length?: number;
  /** Default: what the engine takes. */
  readonly build?: WasmBuild;
}

export class WasmArena {
  /** For the thread that may block; in a browser's main thread use `create`. */
  static createSync(options: WasmArenaOptions = {}): WasmArena {
    const { build = fastestBuild() } = options;
    const memory = memoryFor(options);
    return new WasmArena(build, memory, instantiateSync(build, memory));
  }

  static async create(options: WasmArenaOptions = {}): Promise<WasmArena> {
    const { build = fastestBuild() } = options;
    const memory = memoryFor(options);
    return new WasmArena(build, memory, await instantiate(build, memory));
  }

  readonly build: WasmBuild;
  /** Fixed in length for good. */
  readonly memory: WasmMemory;
  /** All of the memory. The part before the first allocation is the module's: keys are in it. */
  readonly bytes: Uint8Array;
  /** @internal what the other files of this package call */
  readonly kernels: Kernels;
  /** @internal keys of ciphers, near what they are used by */
  readonly keySlots: KeySlots;
  /** Bytes from elsewhere pass here. Empty (zeros) or public between two calls. */
  readonly window: Uint8Array;
  #end: number;

  private constructor(build: WasmBuild, memory: WasmMemory, kernels: Kernels) {
    if (kernels.ARENA.value > RESERVED_LENGTH) throw new Error('the module reserves more');
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
   * `length` bytes of zeros at an address that is a multiple of 64, for as long as the arena lives.
   *
   * @throws {RangeError} there is less left
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

  /** Whether the bytes can be worked on where they stand. */
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
/** At least what the module keeps for itself. */
const RESERVED_LENGTH = 0x25600;
/** Addresses are integers of 31 bits everywhere. */
const MAX_LENGTH = 2 ** 30;
