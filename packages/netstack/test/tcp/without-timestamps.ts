/**
 * `withoutTimestamps`: removes the timestamps from a SYN over IPv4, as if its sender had none. Then
 * the connection uses F-RTO instead of Eifel.
 *
 * @module
 */
import { withChecksum } from '../raw-packets.ts';

/**
 * Removes the timestamps if the packet is a SYN, and does nothing with other packets.
 *
 * @param packet an IPv4 packet, changed in place
 */
export function withoutTimestamps(packet: Uint8Array): void {
  const transport = (packet[0] & 15) * 4;
  if (packet[9] !== TCP || (packet[transport + 13] & SYN) === 0) return;
  const end = transport + (packet[transport + 12] >>> 4) * 4;
  for (let at = transport + 20; at < end; at += packet[at] === NO_OPERATION ? 1 : packet[at + 1]) {
    if (packet[at] === TIMESTAMPS) packet.fill(NO_OPERATION, at, at + packet[at + 1]);
  }
  packet.set(withChecksum(packet.subarray(transport), 16, TCP, { version: 4 }), transport);
}

const TCP = 6;
const SYN = 2;
const NO_OPERATION = 1;
const TIMESTAMPS = 8;
