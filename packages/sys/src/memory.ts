/**
 * Addresses of JavaScript memory.
 *
 * @module
 */
import { checkInteger } from './arguments.ts';
import { koffi } from './libc.ts';

/**
 * A region outside the JavaScript heap: its address never changes while `bytes` is reachable.
 * Keep the object, not the address.
 */
export interface Region {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;
}

/** Allocates `length` zero bytes for structures that the kernel reads or writes. */
export function allocate(length: number): Region {
  checkInteger('length', length, 0, LONGEST_REGION);
  // V8 keeps small typed arrays inside its moving heap; a buffer of its own is never moved.
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
 * The address of a view's first byte. The view must stand on an ArrayBuffer made as such (or on
 * WebAssembly or shared memory), not on one of V8's small in-heap arrays. The last view is
 * remembered, so that calling it per packet costs a comparison. Whoever uses an address looks first
 * whether the view still is as long as it was: a buffer that was transferred keeps the one it had.
 *
 * @throws {TypeError} it is no view of memory
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

/** The longest buffer whose offsets fit into 31 bits. */
const LONGEST_REGION = 0x7fff_ffff;
