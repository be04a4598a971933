import { checksum, pseudoHeaderSum } from '@litz/core/internals';
import { headerChecksumIsRight } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { outerHeaderLength, writeOuterHeader } from '../../src/capture/outer-header.ts';

const MESSAGE = Uint8Array.from({ length: 33 }, (_, i) => i * 7);

describe('writeOuterHeader', () => {
  it.each([
    [4, 28],
    [16, 48],
  ])('writes the headers of a datagram with addresses of %i bytes', (bytes, length) => {
    const datagram = {
      buffer: MESSAGE,
      offset: 1,
      length: 32,
      source: new Uint8Array(bytes).fill(0x0a),
      destination: new Uint8Array(bytes).fill(0xf1),
      sourcePort: 51820,
      destinationPort: 7,
      tos: 0xb9,
    };
    expect(outerHeaderLength(datagram)).toBe(length);
    const packet = new Uint8Array(100).fill(0xee);
    const view = new DataView(packet.buffer);
    writeOuterHeader(packet, view, 4, datagram);
    const whole = Buffer.concat([packet.subarray(4, 4 + length), MESSAGE.subarray(1)]);
    const isIPv4 = bytes === 4;
    expect(whole[0]! >> 4).toBe(isIPv4 ? 4 : 6);
    expect(isIPv4 ? whole[1] : (whole.readUInt16BE(0) >> 4) & 0xff).toBe(0xb9);
    expect(isIPv4 ? whole.readUInt16BE(2) : whole.readUInt16BE(4) + 40).toBe(whole.length);
    expect(whole.indexOf(Buffer.alloc(bytes, 0xf1))).toBe(isIPv4 ? 16 : 24);
    const udp = length - 8;
    expect([0, 2, 4].map((at) => whole.readUInt16BE(udp + at))).toEqual([51820, 7, 40]);
    const sum = pseudoHeaderSum(whole, 0, 17, 40);
    const isRight = isIPv4
      ? headerChecksumIsRight(whole) && whole.readUInt16BE(udp + 6) === 0
      : checksum(whole, udp, 40, sum) === 0;
    expect(isRight).toBe(true);
    expect(packet[4 + length]).toBe(0xee);
  });
});
