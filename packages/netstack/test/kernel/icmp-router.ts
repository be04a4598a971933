/**
 * `answerTooBig`: makes the ICMP error of a router for a packet that is too long (RFC 1191 4, RFC
 * 4443 3.2).
 *
 * @module
 */
import { slowChecksum } from '@litz/testkit';
import { IpAddress } from '../../src/index.ts';
import { joined } from '../raw-packets.ts';

/**
 * Returns the ICMP error for the sender of `packet`.
 *
 * @param router the address of the router, as text; of the same version of IP as the packet
 */
export function answerTooBig(packet: Uint8Array, mtu: number, router: string): Uint8Array {
  const isV4 = packet[0] >>> 4 === 4;
  const quoted = packet.subarray(0, isV4 ? 28 : 1280 - 48);
  const message = joined(new Uint8Array(8), quoted);
  const view = new DataView(message.buffer);
  [message[0], message[1]] = isV4 ? [3, 4] : [2, 0];
  if (isV4) view.setUint16(6, mtu);
  else view.setUint32(4, mtu);
  const header = new Uint8Array(isV4 ? 20 : 40);
  const from = IpAddress.from(router);
  header[0] = isV4 ? 0x45 : 0x60;
  from.write(header, isV4 ? 12 : 8);
  header.set(isV4 ? packet.subarray(12, 16) : packet.subarray(8, 24), isV4 ? 16 : 24);
  const headerView = new DataView(header.buffer);
  if (isV4) {
    [header[8], header[9]] = [64, 1];
    headerView.setUint16(2, 20 + message.length);
    headerView.setUint16(10, slowChecksum(header));
    view.setUint16(2, slowChecksum(message));
  } else {
    [header[6], header[7]] = [58, 64];
    headerView.setUint16(4, message.length);
    const end = Uint8Array.of(0, 0, message.length >>> 8, message.length & 0xff, 0, 0, 0, 58);
    view.setUint16(2, slowChecksum(joined(header.subarray(8, 40), end, message)));
  }
  return joined(header, message);
}
