/**
 * Memory for native code, and addresses of JavaScript memory.
 *
 * @module
 */
import { checkInteger } from './arguments.ts';
import { koffi } from './libc.ts';

/**
 * Memory whose address never changes while `bytes` is reachable. Keep a reference to the object,
 * not only the address.
 */
export interface Region {
  readonly bytes: Uint8Array;
  /** A view of the same memory. */
  readonly view: DataView;
  /** The address of the first byte. */
  readonly address: number;
}

/** Allocates `length` zero bytes for structures that the kernel reads or writes. */
export function allocate(length: number): Region {
  checkInteger('length', length, 0, LONGEST_REGION);
  // V8 keeps small typed arrays inside its heap, where it can move them. A separate ArrayBuffer is
  // never moved.
  const bytes = new Uint8Array(new ArrayBuffer(Math.max(length, 128))).subarray(0, length);
  return {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, length),
    address: addressOf(bytes),
  };
}

const addresses = new WeakMap<ArrayBufferLike, number>();
let lastView: ArrayBufferView | undefined;
let lastAddress = 0;

/**
 * Returns the address of a view's first byte. The view must be on a separate ArrayBuffer (or on
 * WebAssembly or shared memory), not one of V8's small in-heap arrays. The last view is cached, so
 * a call per packet costs one comparison. Before using an address, the caller must check that the
 * view is still as long as it was, because a transferred buffer keeps its cached address.
 *
 * @throws {TypeError} `view` is not a view of memory
 */
export function addressOf(view: ArrayBufferView): number {
  if (view === lastView) return lastAddress;
  if (!ArrayBuffer.isView(view)) {
    throw new TypeError(`"view" expected a view of memory, got ${typeof view}`);
  }
  const { buffer, byteOffset } = view;
  let base = addresses.get(buffer);
  if (base === undefined) {
    base = Number(koffi().address(new Uint8Array(buffer)));
    addresses.set(buffer, base);
  }
  lastView = view;
  lastAddress = base + byteOffset;
  return lastAddress;
}

/** The longest buffer in bytes whose offsets fit into 31 bits. */
const LONGEST_REGION = 0x7fff_ffff;
