import { seededRandom } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { Reassembly } from '../../src/ip/reassembly.ts';
import { CHUNK_SIZE, ChunkPool } from '../../src/memory/chunk-pool.ts';
import { IpPacket } from '../../src/wire/ip-packet.ts';
import { pattern, rawPacket, type RawPacket } from '../raw-packets.ts';
import { fragmentOf, fragmentsOf } from './fragments.ts';

const VERSIONS = [4, 6] as const;
const MEMORY = 2 ** 18;

describe('Reassembly', () => {
  test.each(VERSIONS)('puts IPv%i fragments together in any order', (version) => {
    const random = seededRandom(version);
    for (const length of [1, 8, 100, 3000, 65_000]) {
      const { reassembly, pool } = create();
      const shape = shapeOf(version, pattern(length));
      const fragments = fragmentsOf(shape, 77, 1032).toSorted(() => random() - 0.5);
      // A single fragment is a whole packet, which is not given to `Reassembly`.
      if (fragments.length === 1) continue;
      const results = fragments.map((bytes) => add(reassembly, bytes));
      expect(results.pop()).toBe('complete');
      expect(new Set(results)).toEqual(new Set(['waiting']));
      expect(reassembly.packet.slice(0, reassembly.packetLength)).toEqual(
        rawPacket({ ...shape, identification: 77 }),
      );
      expect([reassembly.size, pool.available]).toEqual([0, pool.size]);
    }
  });

  test.each(VERSIONS)('ignores an IPv%i fragment that comes twice', (version) => {
    const { reassembly } = create();
    const [a, b] = fragmentsOf(shapeOf(version, pattern(1500)), 1, 800);
    expect([a, a, b].map((bytes) => add(reassembly, bytes))).toEqual([
      'waiting',
      'waiting',
      'complete',
    ]);
  });

  test.each(VERSIONS)('drops an IPv%i datagram whose fragments overlap', (version) => {
    const { reassembly, pool } = create();
    const shape = shapeOf(version, pattern(1600));
    const [a, b, c] = [
      { start: 0, end: 800, hasMore: true },
      { start: 792, end: 1592, hasMore: true },
      { start: 800, end: 1600, hasMore: false },
    ].map((part) => add(reassembly, fragmentOf(shape, 1, part)));
    expect([a, b, c]).toEqual(['waiting', 'overlapping-fragment', 'waiting']);
    // A fragment that comes later belongs to a new datagram, which stays incomplete.
    expect([reassembly.size, pool.size - pool.available]).toEqual([1, 1]);
  });

  test.each(VERSIONS)(
    'drops an IPv%i datagram whose fragments disagree about its end',
    (version) => {
      const shape = shapeOf(version, pattern(1600));
      const end = { start: 800, end: 900, hasMore: false };
      for (const other of [
        { start: 960, end: 1600, hasMore: false },
        { start: 960, end: 1040, hasMore: true },
        { start: 8, end: 96, hasMore: false },
      ]) {
        const { reassembly } = create();
        add(reassembly, fragmentOf(shape, 1, end));
        expect(add(reassembly, fragmentOf(shape, 1, other))).toBe('malformed-fragment');
      }
    },
  );

  test('keeps datagrams apart by addresses, identification and, for IPv4, protocol', () => {
    const { reassembly } = create();
    const shapes = [
      shapeOf(4, pattern(1600)),
      { ...shapeOf(4, pattern(1600, 2)), protocol: 1 },
      { ...shapeOf(4, pattern(1600, 3)), source: '10.0.0.9' },
      { ...shapeOf(4, pattern(1600, 4)), destination: '10.0.0.9' },
      shapeOf(6, pattern(1600, 5)),
    ];
    for (const shape of shapes) add(reassembly, fragmentsOf(shape, 1, 800)[0]);
    add(reassembly, fragmentsOf(shapes[0], 2, 800)[0]);
    for (const shape of shapes) {
      expect(add(reassembly, fragmentsOf(shape, 1, 800)[1])).toBe('complete');
      expect(reassembly.packet.slice(0, reassembly.packetLength)).toEqual(
        rawPacket({ ...shape, identification: 1 }),
      );
    }
    expect(reassembly.size).toBe(1);
  });

  test.each([
    [[0, 0], 0],
    [[1, 1], 1],
    [[2, 2], 2],
    [[1, 2], 2],
    [[0, 2], 0],
    [[2, 3], 3],
    [[3, 1], 3],
  ])(
    'computes the ECN bits of the whole packet from those of its fragments: %j becomes %i',
    (bits, whole) => {
      for (const version of VERSIONS) {
        const { reassembly } = create();
        const shape = shapeOf(version, pattern(1000));
        bits.forEach((ecn, i) => {
          const fragments = fragmentsOf({ ...shape, trafficClass: 0xb8 | ecn }, 1, 800);
          add(reassembly, fragments[i]);
        });
        const expected = rawPacket({ ...shape, identification: 1, trafficClass: 0xb8 | whole });
        expect(reassembly.packet.slice(0, reassembly.packetLength)).toEqual(expected);
      }
    },
  );

  test('drops a datagram if one fragment has a congestion mark and another has no ECN', () => {
    const { reassembly } = create();
    const shape = shapeOf(4, pattern(1000));
    add(reassembly, fragmentsOf(shape, 1, 800)[0]);
    expect(add(reassembly, fragmentsOf({ ...shape, trafficClass: 3 }, 1, 800)[1])).toBe(
      'fragment-ecn',
    );
  });

  test('gives a datagram up after 60 s, and returns its beginning if that has come', () => {
    const { reassembly, pool } = create();
    const shape = shapeOf(6, pattern(1600));
    const [first] = fragmentsOf(shape, 1, 800);
    const [, second] = fragmentsOf(shape, 2, 800);
    add(reassembly, first, 1000);
    add(reassembly, second, 2000);

    expect([reassembly.deadline, reassembly.expire(60_999)]).toEqual([61_000, undefined]);
    const beginning = rawPacket({ ...shape, payload: shape.payload.subarray(0, 800) });
    expect(reassembly.expire(61_000)).toEqual(beginning);
    expect([reassembly.deadline, reassembly.expire(62_000)]).toEqual([62_000, new Uint8Array(0)]);
    expect([reassembly.deadline, pool.available]).toEqual([Infinity, pool.size]);
  });

  test('limits the number and the memory of datagrams, and removes the oldest for a new one', () => {
    const { reassembly, pool } = create(2 ** 20);
    for (let i = 0; i < 1000; i++) {
      add(reassembly, fragmentsOf(shapeOf(4, pattern(16_000)), i, 8000)[0]);
      expect((pool.size - pool.available) * CHUNK_SIZE).toBeLessThanOrEqual(MEMORY);
    }
    expect(reassembly.size).toBeLessThanOrEqual(64);
    expect(add(reassembly, fragmentsOf(shapeOf(4, pattern(16_000)), 999, 8000)[1])).toBe(
      'complete',
    );
  });

  test('limits the number of gaps', () => {
    const { reassembly } = create();
    const shape = shapeOf(4, pattern(8000));
    const results = Array.from({ length: 100 }, (_, i) => {
      const part = { start: i * 16, end: i * 16 + 8, hasMore: true };
      return add(reassembly, fragmentOf(shape, 1, part));
    });
    expect(results[63]).toBe('waiting');
    expect(results[64]).toBe('too-many-fragments');
  });

  test('drops a datagram for which the pool has no chunk', () => {
    const { reassembly, pool } = create(8192);
    pool.allocate();
    const [first] = fragmentsOf(shapeOf(4, pattern(9000)), 1, 6000);
    expect(add(reassembly, first)).toBe('no-memory');
    expect([reassembly.size, pool.available]).toEqual([0, 1]);
  });
});

function create(memory = MEMORY * 4): { reassembly: Reassembly; pool: ChunkPool } {
  const pool = new ChunkPool(memory);
  return { reassembly: new Reassembly(pool, MEMORY), pool };
}

function shapeOf(version: 4 | 6, payload: Uint8Array): RawPacket {
  return { version, protocol: 17, payload };
}

function add(reassembly: Reassembly, bytes: Uint8Array, now = 0): string {
  const packet = new IpPacket();
  expect(packet.read(bytes, 0, bytes.length)).toBeUndefined();
  expect(packet.isFragment).toBe(true);
  return reassembly.add(packet, now);
}
