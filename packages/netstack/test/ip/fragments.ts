/**
 * Cuts a packet into fragments as a router or a host does.
 *
 * @module
 */
import { joined, rawPacket, type RawPacket } from '../raw-packets.ts';

export interface Part {
  start: number;
  end: number;
  hasMore: boolean;
}

/** Returns the fragment with a part of the payload of a packet, which has no extension headers. */
export function fragmentOf(shape: RawPacket, identification: number, part: Part): Uint8Array {
  const { start, end, hasMore } = part;
  const payload = shape.payload.subarray(start, end);
  if (shape.version === 4) {
    const fragment = (start >>> 3) | (hasMore ? 0x2000 : 0);
    return rawPacket({ ...shape, payload, identification, fragment });
  }
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  header[0] = shape.protocol;
  view.setUint16(2, start | (hasMore ? 1 : 0));
  view.setUint32(4, identification);
  return rawPacket({ ...shape, protocol: 44, payload: joined(header, payload) });
}

/** Returns fragments with `size` bytes of payload, a multiple of 8; the last one has the rest. */
export function fragmentsOf(shape: RawPacket, identification: number, size: number): Uint8Array[] {
  const { length } = shape.payload;
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => {
    const end = Math.min(length, (i + 1) * size);
    return fragmentOf(shape, identification, { start: i * size, end, hasMore: end < length });
  });
}
