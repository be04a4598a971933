import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CaptureRingReader,
  CaptureRingWriter,
  RING_COUNTER,
  ringBytes,
} from '../../src/capture/capture-ring.ts';
import { readBlocks } from './read-pcapng.ts';

describe('CaptureRingWriter', () => {
  it('passes every published block whole and in order', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ write: fc.integer({ min: 3, max: 40 }), isDiscarded: fc.boolean() }),
        fc.record({ take: fc.integer({ min: 1, max: 300 }) }),
      ),
      { maxLength: 300, size: 'max' },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 50, max: 120 }), (all, words) => {
        const reader = new CaptureRingReader(new SharedArrayBuffer(ringBytes(words * 4)));
        const writer = new CaptureRingWriter(reader.memory);
        const sent: number[] = [];
        const received: number[] = [];
        let number = 0;
        let discarded = 0;
        for (const step of all) {
          if ('take' in step) received.push(...numbersOf(reader.take(step.take)));
          else if (write(writer, step.write * 4, ++number)) {
            if (step.isDiscarded) {
              writer.discard();
              discarded++;
            } else {
              writer.publish();
              sent.push(number);
            }
          }
        }
        for (let last = reader.take(1000); last; last = reader.take(1000)) {
          received.push(...numbersOf(last));
        }
        expect(received).toEqual(sent);
        // Blocks may contain keys. So when the reader takes a block, it sets all bytes of the block
        // to zero. The reader never takes a discarded block, so bytes of discarded blocks may
        // remain.
        const isClear = new Uint8Array(reader.memory, 64).every((byte) => byte === 0);
        expect(isClear || discarded > 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('shows the reader no block before the block is published', () => {
    const reader = new CaptureRingReader(new SharedArrayBuffer(ringBytes(400)));
    const writer = new CaptureRingWriter(reader.memory);
    write(writer, 20, 1);
    expect(reader.take(100)).toBeUndefined();
    writer.publish();
    expect(numbersOf(reader.take(100))).toEqual([1]);
  });

  it('says only once that a waiting reader must be woken', () => {
    const reader = new CaptureRingReader(new SharedArrayBuffer(ringBytes(400)));
    const writer = new CaptureRingWriter(reader.memory);
    write(writer, 20, 1);
    writer.publish();
    expect(writer.mustWake()).toBe(false);
    expect(reader.wait()).toBe(false);
    reader.take(100);
    expect(reader.wait()).toBe(true);
    expect(writer.mustWake()).toBe(false);
    write(writer, 20, 2);
    writer.publish();
    expect([writer.mustWake(), writer.mustWake()]).toEqual([true, false]);
  });

  it('adds packets to one counter, and does not change another counter', () => {
    const reader = new CaptureRingReader(new SharedArrayBuffer(ringBytes(400)));
    const writer = new CaptureRingWriter(reader.memory);
    writer.count(RING_COUNTER.LOST_OUTER, 2);
    writer.count(RING_COUNTER.LOST_OUTER, 3);
    expect(reader.counter(RING_COUNTER.LOST_OUTER)).toBe(5);
    expect(reader.counter(RING_COUNTER.LOST_INNER)).toBe(0);
  });
});

/** Writes a block whose type is `number`. Returns whether the ring had room for the block. */
function write(writer: CaptureRingWriter, length: number, number: number): boolean {
  const at = writer.reserve(length);
  if (at === -1) return false;
  writer.bytes.fill(0xff, at, at + length);
  for (const offset of [4, length - 4]) writer.view.setUint32(at + offset, length, true);
  writer.view.setUint32(at, number, true);
  writer.commit(at, length);
  return true;
}

function numbersOf(bytes: Uint8Array | undefined): number[] {
  return readBlocks(bytes ?? new Uint8Array(0)).map(({ type }) => type);
}
