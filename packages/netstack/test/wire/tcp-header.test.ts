import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IpPacket } from '../../src/wire/ip-packet.ts';
import {
  TCP_FLAG,
  TcpHeader,
  writeSack,
  writeSynOptions,
  writeTimestamps,
} from '../../src/wire/tcp-header.ts';
import { joined, pattern, rawPacket } from '../raw-packets.ts';

/** `pnpm test:fuzz` runs more. */
const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 500);

describe('TcpHeader', () => {
  test('reads the options that were written', () => {
    const options = new Uint8Array(24);
    const length = writeSynOptions(options, 0, 1380, 7, true);
    writeTimestamps(options, length, -5, 6);
    const { header } = read(segment(TCP_FLAG.SYN, options));
    expect(header).toMatchObject({ maximumSegmentSize: 1380, windowScale: 7, allowsSack: true });
    expect(header).toMatchObject({ hasTimestamps: true, timestamp: -5, timestampEcho: 6 });
    expect([header.sequence, header.acknowledgement, header.window]).toEqual([-2, 3, 0x8001]);
    expect([header.dataLength, header.sequenceLength]).toEqual([10, 11]);
  });

  test('reads SACK blocks, and options of a SYN only from a SYN', () => {
    const options = new Uint8Array(28);
    const length = writeSack(options, 0, Int32Array.of(1, 2, -3, 4), 2);
    writeSynOptions(options, length, 1380, 7, false);
    const { header } = read(segment(TCP_FLAG.ACK, options));
    expect([header.sackCount, ...header.sackEdges.subarray(0, 4)]).toEqual([2, 1, 2, -3, 4]);
    expect([header.maximumSegmentSize, header.windowScale]).toEqual([0, -1]);
  });

  test.each<[what: string, options: number[]]>([
    ['a length of 0', [8, 0, 0, 0]],
    ['a length of 1', [8, 1, 0, 0]],
    ['an option that ends after the header', [1, 1, 8, 10]],
    ['an option without a length', [1, 1, 1, 8]],
  ])('ignores %s and what follows', (_, options) => {
    const { header, isGood } = read(segment(TCP_FLAG.SYN, Uint8Array.from(options)));
    expect([isGood, header.hasTimestamps]).toEqual([true, false]);
  });

  test('limits the scale to 14 (RFC 7323 2.3)', () => {
    const { header } = read(segment(TCP_FLAG.SYN, Uint8Array.of(3, 3, 200, 0)));
    expect(header.windowScale).toBe(14);
  });

  test.each([[4], [16]])('refuses a header of %i words', (words) => {
    const bytes = segment(TCP_FLAG.ACK, new Uint8Array(0));
    bytes[12] = (words % 16) << 4;
    expect(read(bytes).isGood).toBe(false);
  });

  test('never throws, and never points outside of the segment', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 90, size: 'max' }), (bytes) => {
        const { header, isGood, packet } = read(bytes);
        if (!isGood) return;
        expect(header.dataOffset + header.dataLength).toBe(packet.offset + packet.length);
        expect(header.sackCount).toBeLessThanOrEqual(4);
      }),
      { numRuns: RUNS },
    );
  });
});

function segment(flags: number, options: Uint8Array): Uint8Array {
  const header = Uint8Array.of(
    0,
    1,
    0,
    2,
    255,
    255,
    255,
    254,
    0,
    0,
    0,
    3,
    0,
    flags,
    0x80,
    1,
    0,
    0,
    0,
    0,
  );
  header[12] = ((20 + options.length) / 4) << 4;
  return joined(header, options, pattern(10));
}

function read(payload: Uint8Array): { header: TcpHeader; isGood: boolean; packet: IpPacket } {
  const packet = new IpPacket();
  const raw = rawPacket({ version: 4, protocol: 6, payload });
  packet.read(raw, 0, raw.length);
  const header = new TcpHeader();
  return { header, isGood: header.read(packet), packet };
}
