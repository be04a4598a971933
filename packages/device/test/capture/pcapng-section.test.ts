import { describe, expect, it } from 'vitest';
import {
  formatFailure,
  formatSection,
  formatStatistics,
} from '../../src/capture/pcapng-section.ts';
import { readBlocks, readOptions, type ReadBlock } from './read-pcapng.ts';

describe('formatSection', () => {
  it('names the program and both interfaces', () => {
    const interfaces = ['wg0', 'wg0-outer'].map((name) => ({ name, description: `of ${name}` }));
    const [section, inner, outer] = readBlocks(formatSection('Litz', interfaces, 96));
    expect(section.type).toBe(0x0a0d0d0a);
    expect(section.body.readUInt32LE(0)).toBe(0x1a2b3c4d);
    expect(readOptions(section.body.subarray(16)).get(4)?.toString()).toBe('Litz');
    for (const [block, name] of [
      [inner, 'wg0'],
      [outer, 'wg0-outer'],
    ] as const) {
      expect([block.type, block.body.readUInt16LE(0), block.body.readUInt32LE(4)]).toEqual([
        1, 101, 96,
      ]);
      const options = readOptions(block.body.subarray(8));
      expect(options.get(2)?.toString()).toBe(name);
      expect(options.get(3)?.toString()).toBe(`of ${name}`);
      expect(options.get(9)?.[0]).toBe(9);
    }
  });
});

describe('formatStatistics', () => {
  it('has the counters of each interface', () => {
    const times = { startedAt: 1_700_000_000_000, endedAt: 1_700_000_001_500 };
    const blocks = readBlocks(
      formatStatistics([
        { ...times, received: 5, dropped: 0 },
        { ...times, received: 6, dropped: 2 },
      ]),
    );
    expect(blocks.map(({ type, body }) => [type, body.readUInt32LE(0)])).toEqual([
      [5, 0],
      [5, 1],
    ]);
    const options = readOptions(blocks[1].body.subarray(12));
    expect([4, 5].map((code) => options.get(code)?.readBigUInt64LE(0))).toEqual([6n, 2n]);
    const time = options.get(3)!;
    const ns = (BigInt(time.readUInt32LE(0)) << 32n) | BigInt(time.readUInt32LE(4));
    expect(ns).toBe(1_700_000_001_500_000_000n);
  });

  it('has the comment in the last block', () => {
    const counts = { startedAt: 0, endedAt: 0, received: 0, dropped: 0 };
    const comments = readBlocks(formatStatistics([counts, counts], 'the end')).map(commentOf);
    expect(comments).toEqual([undefined, 'the end']);
  });
});

describe('formatFailure', () => {
  it('is one block with the comment, cut to 1000 characters', () => {
    const blocks = readBlocks(formatFailure(`é${'x'.repeat(2000)}`));
    expect(blocks.map(({ type, body }) => [type, body.readUInt32LE(0)])).toEqual([[5, 0]]);
    expect(blocks.map(commentOf)).toEqual([`é${'x'.repeat(999)}`]);
  });
});

function commentOf({ body }: ReadBlock): string | undefined {
  return readOptions(body.subarray(12)).get(1)?.toString();
}
