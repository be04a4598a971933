/**
 * `splitSuperPacket`: splits a super-packet into its segments, as a device does.
 *
 * @module
 */
import { slowChecksum } from '@litz/testkit';
import type { PacketOffload } from '../../src/index.ts';
import { joined } from '../raw-packets.ts';

/** Returns whole packets with their checksums. */
export function splitSuperPacket(
  packet: Uint8Array,
  offload: PacketOffload | undefined,
): Uint8Array[] {
  if (!offload || offload.flags === 0) return [packet];
  const { headerLength, checksumStart, gsoType } = offload;
  const size = gsoType === 0 ? packet.length : offload.gsoSize;
  const data = packet.subarray(headerLength);
  const parts: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < data.length; at += size) {
    const part = joined(packet.subarray(0, headerLength), data.subarray(at, at + size));
    const view = new DataView(part.buffer);
    const transport = checksumStart;
    view.setUint32(transport + 4, (view.getUint32(transport + 4) + at) >>> 0);
    // Only the last segment has FIN and PSH, and only the first one has CWR.
    if (at + size < data.length) part[transport + 13] &= ~0x09;
    if (at > 0) part[transport + 13] &= ~0x80;
    finish(part, transport);
    parts.push(part);
  }
  return parts;
}

function finish(packet: Uint8Array, transport: number): void {
  const view = new DataView(packet.buffer);
  const isV4 = packet[0] >>> 4 === 4;
  if (isV4) {
    view.setUint16(2, packet.length);
    view.setUint16(10, 0);
    view.setUint16(10, slowChecksum(packet.subarray(0, transport)));
  } else {
    view.setUint16(4, packet.length - 40);
  }
  const length = packet.length - transport;
  const addresses = isV4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  view.setUint16(transport + 16, 0);
  const end = Uint8Array.of(0, 6, length >>> 8, length & 0xff);
  view.setUint16(transport + 16, slowChecksum(joined(addresses, end, packet.subarray(transport))));
}
