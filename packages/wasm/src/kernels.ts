/**
 * The exports of the modules in `assembly/`, and the loading of these modules from base64.
 *
 * @module
 */
import { SCALAR_MODULE } from './generated/scalar.ts';
import { SIMD_MODULE } from './generated/simd.ts';
import { webAssembly, type WasmMemory, type WasmModule } from './web-assembly.ts';

/** 'simd' works on 128 bits at a time. 'scalar' is for JavaScript engines without SIMD. */
export type WasmBuild = 'simd' | 'scalar';

/**
 * The exports of a module. All addresses refer to the memory that the module was given. Addresses
 * are not checked.
 */
export interface Kernels {
  /** First address of the arena. */
  readonly ARENA: Constant;
  /** Address of 32 bytes: the key of a single operation. */
  readonly KEY: Constant;
  /** Address of the keys of ciphers, `KEY_SLOT_COUNT` times 32 bytes. */
  readonly KEY_SLOTS: Constant;
  readonly KEY_SLOT_COUNT: Constant;
  /** Address of the blocks that `firstBlocks` computes, `KEY_SLOT_COUNT` times 256 bytes. */
  readonly FIRST_BLOCKS: Constant;
  /** Address of the window. Bytes from outside the arena are copied into it. */
  readonly WINDOW: Constant;
  readonly WINDOW_LENGTH: Constant;
  /** Address of 32 bytes: the last finished hash. */
  readonly HASH: Constant;
  /** Addresses of 32 bytes each: the inputs of X25519 and its result. */
  readonly SCALAR: Constant;
  readonly POINT: Constant;
  readonly PRODUCT: Constant;
  /** Copies bytes, and returns their Internet checksum before the complement (RFC 1071). */
  readonly copyAndSum: (to: number, from: number, length: number) => number;
  /**
   * Writes segments `first` to `first` + `count` - 1 of the super-packet at `from`. The first of
   * them is written at `to`, the others follow at distances of `stride` bytes.
   */
  // oxlint-disable-next-line max-params -- a function of WebAssembly
  readonly writeSegments: (
    to: number,
    stride: number,
    from: number,
    length: number,
    ipHeaderLength: number,
    headerLength: number,
    segmentSize: number,
    protocol: number,
    ipSum: number,
    transportSum: number,
    first: number,
    count: number,
  ) => void;
  /** Encrypts. `key` is an address. The nonce is three words, of which all 32 bits are used. */
  readonly seal: AeadKernel<void>;
  /** Decrypts. Returns 1 if the tag is right, else 0. */
  readonly open: AeadKernel<number>;
  /**
   * Decrypts at most 256 bytes that have no additional data. The first word of the nonce is 0.
   * `first` is the address of block 0 of the key stream. Returns 1 if the tag is right, else 0.
   */
  // oxlint-disable-next-line max-params -- a function of WebAssembly
  readonly openShort: (
    key: number,
    n1: number,
    n2: number,
    first: number,
    data: number,
    length: number,
  ) => number;
  /**
   * Computes block 0 of the key streams of four messages, 64 bytes each. For message `i`, 0 to 3,
   * the three words of the nonce are 0, `n1` + `i`, and `n2`.
   */
  readonly firstBlocks: (key: number, n1: number, n2: number, to: number) => void;
  /**
   * Computes HChaCha20 of the key at `KEY` and a nonce in four words, and writes the result to
   * `KEY`.
   */
  readonly deriveSubkey: (w0: number, w1: number, w2: number, w3: number) => void;
  /**
   * BLAKE2s. The input of a keyed hash begins with the key, which is padded to one block.
   * `updateHash` takes whole blocks, but never the last block of the input. `finishHash` takes the
   * rest.
   */
  readonly beginHash: (hashLength: number, keyLength: number) => void;
  readonly updateHash: (at: number, length: number) => void;
  readonly finishHash: (at: number, length: number) => void;
  /**
   * Computes Kdf1, Kdf2 or Kdf3 of the WireGuard paper, as `count` says. At `WINDOW` are the key,
   * 32 bytes, and then the input, `length` bytes. The result, `count` times 32 bytes, overwrites
   * the key and the input.
   */
  readonly deriveKeys: (length: number, count: number) => void;
  /** Computes X25519 of `SCALAR` and `POINT`, wipes both, and writes the result to `PRODUCT`. */
  readonly multiplyPoint: () => void;
}

// oxlint-disable-next-line max-params -- a function of WebAssembly
type AeadKernel<Result> = (
  key: number,
  n0: number,
  n1: number,
  n2: number,
  auth: number,
  authLength: number,
  data: number,
  length: number,
) => Result;

interface Constant {
  readonly value: number;
}

/** Returns 'simd' if the engine supports it, else 'scalar'. */
export function fastestBuild(): WasmBuild {
  return webAssembly().validate(SIMD_PROBE) ? 'simd' : 'scalar';
}

/** Compiles synchronously. In the main thread of a browser, use `instantiate`. */
export function instantiateSync(build: WasmBuild, memory: WasmMemory): Kernels {
  const { Module, Instance } = webAssembly();
  const module = (compiled[build] ??= new Module(binaryOf(build)));
  return new Instance(module, { env: { memory } }).exports as Kernels;
}

/**
 * Compiles without blocking: browsers compile only very small modules synchronously in the main
 * thread.
 */
export async function instantiate(build: WasmBuild, memory: WasmMemory): Promise<Kernels> {
  const api = webAssembly();
  const module = (compiled[build] ??= await api.compile(binaryOf(build)));
  return (await api.instantiate(module, { env: { memory } })).exports as Kernels;
}

function binaryOf(build: WasmBuild): Uint8Array {
  const text = atob(build === 'simd' ? SIMD_MODULE : SCALAR_MODULE);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Each build is compiled once, for all arenas. */
const compiled: Partial<Record<WasmBuild, WasmModule>> = {};

/** Every runtime has this function, but none of the type libraries of the language declares it. */
declare function atob(base64: string): string;

/**
 * A module that only engines with SIMD accept. It has one function: `(result v128) i32.const 0,
 * i8x16.splat, i32x4.extadd_pairwise_i16x8_u`.
 */
const SIMD_PROBE = Uint8Array.from(
  [
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // '\0asm', version 1
    [0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // type: () -> v128
    [0x03, 0x02, 0x01, 0x00], // a function of that type
    [0x0a, 0x0a, 0x01, 0x08, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x7f, 0x0b], // its code
  ].flat(),
);
