/**
 * `viewOf`: caches DataViews of buffers that are used again and again, to read packets 32 bits at a
 * time.
 *
 * @module
 */

let buffer: Uint8Array = new Uint8Array(0);
let view: DataView = new DataView(buffer.buffer);
let otherBuffer = buffer;
let otherView = view;

/**
 * Returns a view of exactly these bytes. The last two views are cached, so that the calls for each
 * packet allocate nothing.
 */
export function viewOf(bytes: Uint8Array): DataView {
  if (bytes === buffer) return view;
  const found =
    bytes === otherBuffer
      ? otherView
      : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  otherBuffer = buffer;
  otherView = view;
  buffer = bytes;
  view = found;
  return found;
}
