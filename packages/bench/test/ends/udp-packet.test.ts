import { parseCidr } from '@litz/config';
import { checksum, pseudoHeaderSum } from '@litz/core/internals';
import { headerChecksumIsRight } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { udpPacket } from '../../src/ends/udp-packet.ts';

describe('udpPacket', () => {
  it.each([64, 65, 1420])('has right checksums and lengths, with %d bytes', (length) => {
    const packet = udpPacket('10.9.0.2', '10.9.0.1', length);
    const view = new DataView(packet.buffer);
    expect(packet.length).toBe(length);
    expect(view.getUint16(2)).toBe(length);
    expect(view.getUint16(24)).toBe(length - 20);
    expect([...packet.subarray(12, 20)]).toEqual([
      ...parseCidr('10.9.0.2/32').address,
      ...parseCidr('10.9.0.1/32').address,
    ]);
    expect(headerChecksumIsRight(packet)).toBe(true);
    // Over bytes with a right checksum, the sum is all ones, and `checksum` returns the complement,
    // 0.
    const pseudo = pseudoHeaderSum(packet, 0, 17, length - 20);
    expect(checksum(packet, 20, length - 20, pseudo)).toBe(0);
  });
});
