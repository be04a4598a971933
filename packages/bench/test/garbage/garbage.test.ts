import { describe, expect, it } from 'vitest';
import { EnginePair, type Way } from '../../src/garbage/engine-pair.ts';
import { countCollections } from '../../src/garbage/gc-trace.ts';
import { scavengesPerMillion, isGrowing } from '../../src/garbage/growth.ts';
import { copying, littering } from '../../src/garbage/providers.ts';

describe('EnginePair', () => {
  it.each<Way>(['packet', 'batch'])('carries every packet, one %s at a time', (way) => {
    const pair = new EnginePair(copying);
    pair.run(way, 640);
    expect(pair.received).toBe(640);
  });

  it.each<Way>(['packet', 'batch'])('allocates nothing per packet, one %s at a time', (way) => {
    expect(bytesPerPacket(way, copying)).toBeLessThan(8);
  });

  it.each<Way>(['packet', 'batch'])(
    'shows the allocations of a cipher that allocates, one %s at a time',
    (way) => {
      expect(bytesPerPacket(way, littering)).toBeGreaterThan(24);
    },
  );
});

describe('countCollections', () => {
  it('counts collections of all isolates, in the formats of different versions of V8', () => {
    const output = [
      '[12:0x55]       30 ms: Scavenge 4.0 (4.5) -> 3.3 (5.5) MB, 0.66 / 0.00 ms task;',
      '[12:0x77]       31 ms: Scavenge (interleaved) 4.0 (4.5) -> 3.3 (5.5) MB, pooled: 0 MB',
      '[12:0x55]       40 ms: Mark-Compact (reduce) 4.0 (4.5) -> 3.3 (5.5) MB, 2 / 0 ms',
      'a Scavenge that somebody writes about',
    ].join('\n');
    expect(countCollections(output)).toEqual({ scavenges: 2, markCompacts: 1 });
  });
});

describe('scavengesPerMillion', () => {
  it('subtracts the collections of the shorter run', () => {
    expect(scavengesPerMillion(of(1_000_000, 70), of(4_000_000, 73))).toBe(1);
  });

  it('is above the limit of isGrowing if each packet leaves one small object', () => {
    const grown = scavengesPerMillion(of(1_000_000, 70), of(3_000_000, 102));
    expect([isGrowing(grown), isGrowing(4)]).toEqual([true, false]);
  });

  it('refuses two runs with the same number of packets', () => {
    expect(() => scavengesPerMillion(of(5, 1), of(5, 1))).toThrow(RangeError);
  });
});

/**
 * Returns by how many bytes the heap grows per packet. It is the median of several runs, because a
 * collection during a run makes the result of that run useless.
 */
function bytesPerPacket(way: Way, crypto: typeof copying): number {
  const pair = new EnginePair(crypto);
  pair.run(way, 60_000);
  const grown = Array.from({ length: 9 }, () => {
    const before = process.memoryUsage().heapUsed;
    pair.run(way, PACKETS);
    return (process.memoryUsage().heapUsed - before) / PACKETS;
  });
  return grown.sort((a, b) => a - b)[4];
}

function of(packets: number, scavenges: number): Parameters<typeof scavengesPerMillion>[0] {
  return { packets, scavenges, markCompacts: 2 };
}

/** Packets of a run: so few that most runs have no collection, even with an object per packet. */
const PACKETS = 6400;
