import {
  checksum,
  createVnetHeader,
  decodeVnetHeader,
  VNET_GSO_TCPV4,
  VNET_HEADER_LENGTH,
} from '@litz/tun/offload';
import { describe, expect, it } from 'vitest';
import {
  ADDRESSES,
  FIRST_LAPS,
  SMALL_LAPS,
  warmUpLaps,
  type Lap,
} from '../../src/warm-up/warm-up-laps.ts';

describe('warmUpLaps', () => {
  it.each([true, false])('yields whole IPv4 packets of both ends, with TCP offload %s', (tcp) => {
    for (const [forth, back] of lapsOf(tcp)) {
      for (const [packets, from] of [
        [forth, 0],
        [back, 1],
      ] as const) {
        for (const packet of packets) {
          const ip = packet.subarray(VNET_HEADER_LENGTH);
          expect(new DataView(packet.buffer).getUint16(VNET_HEADER_LENGTH + 2)).toBe(ip.length);
          expect(checksum(ip, 0, 20)).toBe(0);
          expect([...ip.subarray(12, 16)]).toEqual([...ADDRESSES[from]]);
        }
      }
    }
  });

  it('yields super-packets only if the TUN has them', () => {
    expect(superPackets(true)).toBeGreaterThan(0);
    expect(superPackets(false)).toBe(0);
  });

  it('yields a few laps of streams, then small packets, alone and several at once', () => {
    const laps = [...warmUpLaps(true)];
    const first = laps.slice(0, FIRST_LAPS);
    const small = laps.slice(FIRST_LAPS, FIRST_LAPS + SMALL_LAPS);
    expect(longest(first)).toBeGreaterThan(60_000);
    expect(longest(small)).toBeLessThan(150);
    expect(new Set(small.map(([forth]) => forth.length))).toEqual(new Set([1, 8]));
    expect(longest(laps.slice(FIRST_LAPS + SMALL_LAPS))).toBeGreaterThan(60_000);
  });
});

function longest(laps: readonly Lap[]): number {
  return Math.max(...laps.flat(2).map(({ length }) => length));
}

/** Returns each lap once. */
function lapsOf(tcp: boolean): Set<Lap> {
  return new Set(warmUpLaps(tcp));
}

function superPackets(tcp: boolean): number {
  const vnet = createVnetHeader();
  return [...lapsOf(tcp)].flat(2).filter((packet) => {
    decodeVnetHeader(packet, 0, vnet);
    return vnet.gsoType === VNET_GSO_TCPV4;
  }).length;
}
