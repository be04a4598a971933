import { headerChecksumIsRight, ipPacket } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksum } from '../../src/wire/checksum.ts';
import { readEcn, readTotalLength, setEcn } from '../../src/wire/ip-packet.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);
const V4 = { source: [10, 0, 0, 1], destination: [10, 0, 0, 2] };
const V6 = { source: Array(16).fill(1), destination: Array(16).fill(2) };

describe('readTotalLength', () => {
  it('returns the length in the header, without padding', () => {
    for (const addresses of [V4, V6]) {
      const packet = ipPacket({ ...addresses, length: 61 });
      const padded = new Uint8Array(90);
      padded.set(packet, 7);
      expect(readTotalLength(padded, 7, 80)).toBe(61);
      expect(readTotalLength(padded, 7, 61)).toBe(61);
    }
  });

  it.each([
    ['IPv4', V4, 20],
    ['IPv6', V6, 40],
  ])(
    'returns the length of an %s header without payload, and lengths above 255',
    (_, addresses, header) => {
      for (const length of [header, 300, 0x1234]) {
        expect(readTotalLength(ipPacket({ ...addresses, length }), 0, length)).toBe(length);
      }
    },
  );

  it('is 0 for an empty packet', () => {
    expect(readTotalLength(new Uint8Array(0), 0, 0)).toBe(0);
  });

  it('is 0 if the header states more bytes than there are', () => {
    for (const addresses of [V4, V6]) {
      expect(readTotalLength(ipPacket({ ...addresses, length: 61 }), 0, 60)).toBe(0);
    }
  });

  it('is 0 for less than a header', () => {
    expect(readTotalLength(ipPacket({ ...V4, length: 20 }), 0, 19)).toBe(0);
    expect(readTotalLength(ipPacket({ ...V6, length: 40 }), 0, 39)).toBe(0);
    const tooShort = ipPacket({ ...V4, length: 40 });
    tooShort.set([0, 19], 2);
    expect(readTotalLength(tooShort, 0, 40)).toBe(0);
  });

  it('is 0 for another version', () => {
    for (const version of [0, 1, 5, 7, 15]) {
      const packet = ipPacket({ ...V4, length: 60 });
      packet[0] = (version << 4) | 5;
      expect(readTotalLength(packet, 0, 60)).toBe(0);
    }
  });
});

describe('setEcn', () => {
  it('changes only the two ECN bits', () => {
    for (const addresses of [V4, V6]) {
      for (const before of [0, 1, 2, 3]) {
        for (const after of [0, 1, 2, 3]) {
          const packet = ipPacket({ ...addresses, ecn: before });
          expect(readEcn(packet, 0)).toBe(before);
          setEcn(packet, 0, after);
          expect(readEcn(packet, 0)).toBe(after);
          expect(packet).toEqual(ipPacket({ ...addresses, ecn: after }));
        }
      }
    }
  });

  it('keeps the checksum of any IPv4 header correct', () => {
    const header = fc.uint8Array({ minLength: 20, maxLength: 20 });
    fc.assert(
      fc.property(header, fc.nat(3), (bytes, bits) => {
        bytes[0] = 0x45;
        bytes.set([0, 0], 10);
        const right = checksum(bytes, 0, 20);
        bytes.set([right >>> 8, right & 0xff], 10);
        setEcn(bytes, 0, bits);
        expect(headerChecksumIsRight(bytes)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });
});
