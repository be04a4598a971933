import { describe, expect, test } from 'vitest';
import { layoutOf, MAX_NODES } from '../../page/layout.js';

const WIDTHS = [296, 330, 500, 760, 1160];

describe('layoutOf', () => {
  test('uses a ring for few nodes, spokes for many, and dots if names do not fit', () => {
    expect(layoutOf(3, 1160, 8).kind).toBe('ring');
    expect(layoutOf(3, 296, 8).kind).toBe('ring');
    expect(layoutOf(30, 760, 8).kind).toBe('spokes');
    expect(layoutOf(200, 1160, 8).kind).toBe('spokes');
    expect(layoutOf(200, 296, 8).kind).toBe('dots');
  });

  test.each(WIDTHS)('keeps all nodes within %d pixels, and apart from each other', (width) => {
    for (let count = 0; count <= MAX_NODES; count++) {
      const { positions, height, kind } = layoutOf(count, width, 30);
      expect(positions.length).toBe(count);
      const isInside = positions.every(({ x, y }) => Math.min(x, y, width - x, height - y) >= 9);
      expect([count, kind, isInside]).toEqual([count, kind, true]);
      expect([count, kind, closest(positions) >= 9]).toEqual([count, kind, true]);
    }
  });

  test('leaves space beside the spokes for names that are cut to 20 characters', () => {
    const { positions, labelLength } = layoutOf(100, 1160, 63);
    expect(labelLength).toBe(20);
    const most = Math.max(...positions.map(({ x }) => x));
    expect(1160 - most).toBeGreaterThanOrEqual(20 * 6.6);
  });

  test('keeps peers away from the own node', () => {
    for (const width of WIDTHS) {
      for (const count of [1, 2, 5, 12, 40, 200]) {
        const { positions, own } = layoutOf(count, width, 12);
        const nearest = Math.min(...positions.map(({ x, y }) => Math.hypot(x - own.x, y - own.y)));
        expect(nearest).toBeGreaterThan(18);
      }
    }
  });
});

function closest(positions: readonly { x: number; y: number }[]): number {
  let least = Infinity;
  for (const [index, a] of positions.entries()) {
    for (const b of positions.slice(index + 1))
      least = Math.min(least, Math.hypot(a.x - b.x, a.y - b.y));
  }
  return least;
}
