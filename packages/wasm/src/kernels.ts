/**
 * What `assembly/` exports, and how it gets from base64 to functions.
 *
 * @module
 */
import { SCALAR_MODULE } from './generated/scalar.ts';
import { SIMD_MODULE } from './generated/simd.ts';
import { webAssembly, type WasmMemory, type WasmModule } from './web-assembly.ts';

/** 'simd' works on 128 bits at a time; 'scalar' is for engines that cannot. */
export type WasmBuild = 'simd' | 'scalar';

/** All addresses are of the memory that the module was given; none is checked. */
export interface Kernels {
  /** First address of the arena. */
  readonly ARENA: Constant;
  /** 32 bytes: the key of a single operation. */
  readonly KEY: Constant;
  /** As many times 32 bytes: keys of ciphers. */
  readonly KEY_SLOTS: Constant;
  readonly KEY_SLOT_COUNT: Constant;
  /** As many times 256 bytes: what `firstBlocks` makes. */
  readonly FIRST_BLOCKS: Constant;
  /** What stands elsewhere is copied here. */
  readonly WINDOW: Constant;
  readonly WINDOW_LENGTH: Constant;
  /** 32 bytes: the hash that was finished. */
  readonly HASH: Constant;
  /** 32 bytes each: for X25519, and from it. */
  readonly SCALAR: Constant;
  readonly POINT: Constant;
  readonly PRODUCT: Constant;
  readonly copyAndSum: (to: number, from: number, length: number) => number;
  /** Segments `first` to `first` + `count` - 1 of the super-packet at `from`, `stride` bytes apart. */
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
  /** `key` is an address; the nonce is three words, of which all 32 bits count. */
  readonly seal: AeadKernel<void>;
  /** 1 if the tag was right, and 0 if not. */
  readonly open: AeadKernel<number>;
  /** Tags alone, of text that is encrypted elsewhere; `checkTag` gives 1 if it was right. */
  readonly writeTag: TagKernel<void>;
  readonly checkTag: TagKernel<number>;
  /** The same with the one-time key at an address. */
  readonly writeTagTo: (to: number, oneTimeKey: number, data: number, length: number) => void;
  /** Block 0 of the streams of four messages whose nonces are 0, `n1` to `n1` + 3, `n2`: 64 bytes each. */
  readonly firstBlocks: (key: number, n1: number, n2: number, to: number) => void;
  /** HChaCha20 of the key at `KEY` and the nonce in four words, to `KEY`. */
  readonly deriveSubkey: (w0: number, w1: number, w2: number, w3: number) => void;
  /** BLAKE2s: a key comes first, in a block of its own; more than the last block in whole blocks. */
  readonly beginHash: (hashLength: number, keyLength: number) => void;
  readonly updateHash: (at: number, length: number) => void;
  readonly finishHash: (at: number, length: number) => void;
  /** Kdf of the key at `WINDOW` and `length` bytes behind its 32, to `count` times 32 at `WINDOW`. */
  readonly deriveKeys: (length: number, count: number) => void;
  /** X25519 of `SCALAR` and `POINT`, which are wiped, to `PRODUCT`. */
  readonly multiplyPoint: () => void;
}

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

type TagKernel<Result> = (
  key: number,
  n0: number,
  n1: number,
  n2: number,
  data: number,
  length: number,
) => Result;

interface Constant {
  readonly value: number;
}

/** 'simd' where the engine takes it. */
export function fastestBuild(): WasmBuild {
  return webAssembly().validate(SIMD_PROBE) ? 'simd' : 'scalar';
}

export function instantiateSync(build: WasmBuild, memory: WasmMemory): Kernels {
  const { Module, Instance } = webAssembly();
  const module = (compiled[build] ??= new Module(binaryOf(build)));
  return new Instance(module, { env: { memory } }).exports as Kernels;
}

/** Does not block: browsers compile only the smallest modules in the main thread. */
export async function instantiate(build: WasmBuild, memory: WasmMemory): Promise<Kernels> {
  const api = webAssembly();
  const module = (compiled[build] ??= await api.compile(binaryOf(build)));
  return (await api.instantiate(module, { env: { memory } })).exports as Kernels;
}

function binaryOf(build: WasmBuild): Uint8Array {
  const text = atob(build === 'simd' ? SIMD_MODULE : SCALAR_MODULE);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Compiled once, whatever the number of arenas. */
const compiled: Partial<Record<WasmBuild, WasmModule>> = {};

/** In every runtime, and in none of the libraries that come with the language. */
declare function atob(base64: string): string;

/** One function: `(result v128) i32.const 0, i8x16.splat, i32x4.extadd_pairwise_i16x8_u`. */
const SIMD_PROBE = Uint8Array.from(
  [
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // '\0asm', version 1
    [0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // type: () -> v128
    [0x03, 0x02, 0x01, 0x00], // a function of that type
    [0x0a, 0x0a, 0x01, 0x08, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x7f, 0x0b], // its code
  ].flat(),
);
