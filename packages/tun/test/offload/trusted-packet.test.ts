import { slowChecksum } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VNET_HEADER_LENGTH } from '../../src/offload/index.ts';
import { finishTrustedPacket } from '../../src/offload/trusted-packet.ts';
import { payloadOf, RUNS } from './arbitrary.ts';
import { hasRightSums, packetOf, type PacketShape } from './segments.ts';

const KINDS = [
  [4, 'tcp', 20, 16],
  [6, 'tcp', 40, 16],
  [4, 'udp', 20, 6],
  [6, 'udp', 40, 6],
] as const;

describe('finishTrustedPacket', () => {
  test.each(KINDS)(
    'lets the kernel complete the checksum, even if it was wrong (IPv%i %s)',
    (version, protocol, start, offset) => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 1300 }), fc.nat(0xffff), (length, wrong) => {
          const right = packetOf({ version, protocol, payload: payloadOf(length, length) });
          const corrupt = right.slice();
          // A UDP checksum of zero means no checksum, so the test uses 1 instead.
          new DataView(corrupt.buffer).setUint16(start + offset, wrong || 1);
          const { vnet, packet } = finished(corrupt);
          expect(vnet).toEqual([1, 0, start + offset + 2, 0, start, offset]);
          complete(packet, start, offset);
          expect(hasRightSums(packet)).toBe(true);
          expect(packet).toEqual(right);
        }),
        { numRuns: RUNS },
      );
    },
  );

  test('finds the transport header of an IPv4 packet with options', () => {
    const plain = packetOf({ ...UDP, payload: payloadOf(9, 1) });
    const packet = Uint8Array.from([...plain.subarray(0, 20), 1, 1, 1, 0, ...plain.subarray(20)]);
    packet[0] = 0x46;
    expect(finished(packet).vnet).toEqual([1, 0, 32, 0, 24, 6]);
  });

  test.each<[string, Uint8Array]>([
    ['a datagram without a checksum', packetOf({ ...UDP, withoutChecksum: true })],
    ['a datagram over IPv6 without a checksum', packetOf({ ...UDP6, withoutChecksum: true })],
    ['a datagram with a wrong length field', changed(packetOf(UDP), 25, 1)],
    ['the first fragment', changed(packetOf(UDP), 6, 0x20)],
    ['the last fragment', changed(packetOf(UDP), 7, 1)],
    ['an IPv6 extension header', changed(packetOf(UDP6), 6, 44)],
    ['another protocol', changed(packetOf(UDP), 9, 1)],
    ['a TCP header that is cut off', packetOf(TCP).slice(0, 39)],
    ['a UDP header that is cut off', packetOf(UDP).slice(0, 27)],
    ['an IPv4 header length below 20', changed(packetOf(UDP), 0, 0x44)],
    ['an IPv4 header that is cut off', packetOf(UDP).slice(0, 19)],
    ['an IPv6 header that is cut off', packetOf(UDP6).slice(0, 39)],
    ['a packet of another IP version', changed(packetOf(UDP), 0, 0x55)],
  ])('does not change %s', (_, packet) => {
    const { vnet, packet: written } = finished(packet);
    expect(vnet).toEqual([0, 0, 0, 0, 0, 0]);
    expect(written).toEqual(packet);
  });
});

const UDP: PacketShape = { version: 4, protocol: 'udp', payload: payloadOf(30, 1) };
const UDP6: PacketShape = { ...UDP, version: 6 };
const TCP: PacketShape = { ...UDP, protocol: 'tcp' };

function changed(packet: Uint8Array, at: number, value: number): Uint8Array {
  packet[at] = value;
  return packet;
}

/**
 * Calls the function on a packet with other bytes around it. Only the packet and its vnet header
 * may change.
 */
function finished(packet: Uint8Array): { vnet: number[]; packet: Uint8Array } {
  const ip = 5 + VNET_HEADER_LENGTH;
  const buffer = new Uint8Array(ip + packet.length + 5).fill(0xee);
  buffer.set(packet, ip);
  finishTrustedPacket(buffer, ip, packet.length);
  const around = [...buffer.subarray(0, 5), ...buffer.subarray(ip + packet.length)];
  expect(around).toEqual(Array.from({ length: 10 }, () => 0xee));
  const view = new DataView(buffer.buffer, 5);
  const words = [2, 4, 6, 8].map((at) => view.getUint16(at, true));
  return { vnet: [buffer[5], buffer[6], ...words], packet: buffer.slice(ip, ip + packet.length) };
}

/** Does what a kernel does for VIRTIO_NET_HDR_F_NEEDS_CSUM. */
function complete(packet: Uint8Array, start: number, offset: number): void {
  const sum = slowChecksum(packet.subarray(start));
  const isUdp = offset === 6;
  new DataView(packet.buffer).setUint16(start + offset, isUdp && sum === 0 ? 0xffff : sum);
}
