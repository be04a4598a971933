import { seededRandom } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { PacketRing } from '../../src/memory/packet-ring.ts';

describe('PacketRing', () => {
  test.each([1, 2, 3])(
    'returns whole packets in order, whatever their lengths (seed %i)',
    (seed) => {
      const random = seededRandom(seed);
      let matches = true;
      const ring = new PacketRing(new Uint8Array(1000));
      const waiting: Uint8Array[] = [];
      for (let step = 0; step < 5000; step++) {
        if (random() < 0.55) {
          const length = 1 + Math.floor(random() * 300);
          const offset = ring.reserve(length);
          if (offset === -1) continue;
          const packet = new Uint8Array(length).fill(step);
          ring.bytes.set(packet, offset);
          ring.commit(offset, length);
          waiting.push(packet);
          if (random() < 0.2) {
            ring.undo(1);
            waiting.pop();
          }
        } else if (waiting.length > 0) {
          matches &&=
            ring.length === waiting[0].length && ring.bytes[ring.offset] === waiting[0][0];
          matches &&= ring.bytes[ring.offset + ring.length - 1] === waiting[0][0];
          ring.drop();
          waiting.shift();
        }
        matches &&= ring.count === waiting.length;
        matches &&= ring.used === waiting.reduce((sum, { length }) => sum + length, 0);
      }
      expect(matches).toBe(true);
      expect(ring.length).toBe(waiting[0]?.length ?? 0);
    },
  );

  test('is full when no packet fits, and takes one as long as the buffer when it is empty', () => {
    const ring = new PacketRing(new Uint8Array(100));

    expect(ring.reserve(101)).toBe(-1);
    ring.commit(ring.reserve(100), 100);
    expect(ring.reserve(1)).toBe(-1);
    ring.drop();
    expect(ring.reserve(100)).toBe(0);
  });
});
