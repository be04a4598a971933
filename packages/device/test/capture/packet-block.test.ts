import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LONGEST_COMMENT,
  packetBlockLength,
  PACKET_OFFSET,
  writePacketBlock,
  writeTime,
} from '../../src/capture/packet-block.ts';
import { readBlocks, readPacket } from './read-pcapng.ts';

describe('writePacketBlock', () => {
  it('writes any packet so that a reader of the format finds the same values', () => {
    const packets = fc.record({
      bytes: fc.uint8Array({ maxLength: 2000, size: 'max' }),
      more: fc.nat({ max: 70_000 }),
      interfaceId: fc.nat({ max: 1 }),
      isInbound: fc.boolean(),
      seconds: fc.nat({ max: 2 ** 32 - 1 }),
      nanoseconds: fc.nat({ max: 999_999_999 }),
      lost: fc.oneof(fc.constant(0), fc.nat()),
      comment: fc.option(fc.string({ maxLength: LONGEST_COMMENT / 4 }), { nil: undefined }),
      at: fc.nat({ max: 50 }).map((words) => words * 4),
    });
    fc.assert(
      fc.property(packets, ({ bytes, more, comment, at, ...rest }) => {
        // Bytes that were in the memory before must not appear in the block.
        const memory = new Uint8Array(8192).fill(0xee);
        const block = {
          ...rest,
          captured: bytes.length,
          length: bytes.length + more,
          comment: comment === undefined ? undefined : Buffer.from(comment),
        };
        memory.set(bytes, at + PACKET_OFFSET);
        const length = writePacketBlock(memory, new DataView(memory.buffer), at, block);
        expect(length).toBeLessThanOrEqual(packetBlockLength(bytes.length));
        const [first, ...others] = readBlocks(memory.subarray(at, at + length));
        expect(others).toEqual([]);
        expect(readPacket(first)).toEqual({
          interfaceId: rest.interfaceId,
          time: BigInt(rest.seconds) * 1_000_000_000n + BigInt(rest.nanoseconds),
          length: bytes.length + more,
          bytes: Buffer.from(bytes),
          isInbound: rest.isInbound,
          lost: rest.lost,
          comment,
        });
        expect(memory[at + length]).toBe(0xee);
      }),
    );
  });
});

describe('writeTime', () => {
  it('writes seconds and nanoseconds as one 64-bit number of nanoseconds, high word first', () => {
    const view = new DataView(new ArrayBuffer(8));
    writeTime(view, 0, 1_795_986_171, 999_999_999);
    const time = (BigInt(view.getUint32(0, true)) << 32n) | BigInt(view.getUint32(4, true));
    expect(time).toBe(1_795_986_171_999_999_999n);
  });
});
