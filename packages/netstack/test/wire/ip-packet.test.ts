import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IpPacket } from '../../src/wire/ip-packet.ts';
import { rawPacket, rawUdp, pattern, joined, type RawPacket } from '../raw-packets.ts';

/** `pnpm test:fuzz` runs more. */
const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 500);
const EMPTY = new Uint8Array(0);

describe('IpPacket', () => {
  test('reads an IPv4 header with options, and does not count padding', () => {
    const options = Uint8Array.of(1, 7, 3, 4, 0, 0, 0, 0);
    const bytes = rawPacket({
      version: 4,
      protocol: 17,
      payload: pattern(30),
      options,
      trafficClass: 0xba,
      identification: 0x1234,
      hopLimit: 9,
    });
    const { packet, reason } = read(joined(bytes, pattern(7)));

    expect(reason).toBeUndefined();
    expect(packet).toMatchObject({
      version: 4,
      length: 58,
      trafficClass: 0xba,
      hopLimit: 9,
      identification: 0x1234,
      protocol: 17,
      transport: 28,
      transportLength: 30,
      isFragment: false,
    });
    expect([packet.source.toString(), packet.destination.toString()]).toEqual([
      '10.0.0.2',
      '10.0.0.1',
    ]);
  });

  test('reads an IPv6 header', () => {
    const { packet, reason } = read(rawUdp(6, 53, pattern(10), { trafficClass: 0xbb }));

    expect(reason).toBeUndefined();
    expect(packet).toMatchObject({ version: 6, length: 58, trafficClass: 0xbb, hopLimit: 64 });
    expect(packet).toMatchObject({ protocol: 17, transport: 40, transportLength: 18 });
    expect([packet.source.toString(), packet.destination.toString()]).toEqual([
      'fd00::2',
      'fd00::1',
    ]);
  });

  test.each<[what: string, change: (bytes: Uint8Array) => Uint8Array, reason: string]>([
    ['no bytes', () => EMPTY, 'malformed-ip'],
    ['another version', (bytes) => bytes.fill(0x50, 0, 1), 'malformed-ip'],
    ['a header of 16 bytes', (bytes) => bytes.fill(0x44, 0, 1), 'malformed-ip'],
    ['a header longer than the packet', (bytes) => bytes.fill(0x4f, 0, 1), 'malformed-ip'],
    ['fewer bytes than it states', (bytes) => bytes.subarray(0, -1), 'malformed-ip'],
    ['a wrong checksum', (bytes) => bytes.fill(63, 8, 9), 'bad-ip-checksum'],
  ])('drops an IPv4 packet with %s', (_, change, reason) => {
    expect(read(change(rawUdp(4, 1, pattern(8)))).reason).toBe(reason);
  });

  test.each<[what: string, options: number[], reason: string | undefined]>([
    ['a loose source route', [131, 3, 4, 0], 'source-route'],
    ['a strict source route', [1, 137, 3, 4], 'source-route'],
    ['an option of length 1', [7, 1, 0, 0], 'malformed-ip'],
    ['an option that ends after the header', [7, 5, 4, 0], 'malformed-ip'],
    ['an option without a length', [1, 1, 1, 7], 'malformed-ip'],
    ['a source route after the end of the options', [0, 131, 3, 4], undefined],
  ])('drops or accepts a packet because of its IPv4 options: %s', (_, options, reason) => {
    const shape: RawPacket = { version: 4, protocol: 17, payload: pattern(8) };
    expect(read(rawPacket({ ...shape, options: Uint8Array.from(options) })).reason).toBe(reason);
  });

  test('never throws, and never points outside of the packet', () => {
    const bytes = fc.uint8Array({ maxLength: 200, size: 'max' });
    fc.assert(
      fc.property(bytes, fc.constantFrom(0x45, 0x46, 0x4f, 0x60, 0x6f), (random, first) => {
        if (random.length > 0) random[0] = first;
        if (random.length > 6) random[random[0] >>> 4 === 6 ? 4 : 2] = 0;
        if (random.length > 6 && random[6] > 128) random[6] = [0, 43, 44, 60][random[6] & 3];
        const packet = new IpPacket();
        const reason = packet.read(random, 0, random.length, true);
        if (reason) return;
        expect(packet.length).toBeLessThanOrEqual(random.length);
        expect(packet.transportLength).toBeGreaterThanOrEqual(0);
        expect(packet.transport).toBeGreaterThanOrEqual(20);
      }),
      { numRuns: RUNS },
    );
  });
});

function read(bytes: Uint8Array): { packet: IpPacket; reason: string | undefined } {
  const packet = new IpPacket();
  return { packet, reason: packet.read(bytes, 0, bytes.length) };
}
