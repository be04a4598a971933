import { describe, expect, it } from 'vitest';
import {
  HEADER_LENGTH,
  MAX_PACKET_LENGTH,
  PacketMemory,
  PACKET_MARGIN,
  MAX_TAIL_LENGTH,
} from '../../src/plane/packet-memory.ts';

describe('PacketMemory', () => {
  it('has room for the longest read, and for two of the largest packets in the slab', () => {
    const memory = new PacketMemory();
    expect(memory.readLength).toBeGreaterThanOrEqual(10 + 40 + 65535);
    expect(memory.readOffset + memory.readLength).toBeLessThanOrEqual(memory.slabOffset);
    const largest = PACKET_MARGIN + MAX_PACKET_LENGTH + MAX_TAIL_LENGTH + PACKET_MARGIN;
    expect(memory.slabEnd - memory.slabOffset).toBeGreaterThan(2 * largest);
    expect(memory.slabEnd).toBeLessThanOrEqual(memory.scratchOffset - HEADER_LENGTH);
  });

  it('keeps the scratch area out of the bytes that sealing may write behind the last packet', () => {
    const memory = new PacketMemory();
    // Sealing writes at most this number of bytes behind the place of the last packet.
    const behind = PACKET_MARGIN - HEADER_LENGTH;
    expect(memory.slabEnd + behind).toBeLessThanOrEqual(memory.scratchOffset - 10);
    expect(PacketMemory.length(77)).toBe(memory.buffer.length + 77);
  });

  it('keeps the scratch area and the receive slots separate', () => {
    const memory = new PacketMemory(1000);
    const largest = new Uint8Array(MAX_PACKET_LENGTH).fill(7);
    memory.toScratch(largest, 0, largest.length);
    expect(memory.scratchOffset + largest.length).toBeLessThanOrEqual(memory.receiveOffset);
    expect(memory.buffer.length).toBe(memory.receiveOffset + 1000);
    expect(memory.buffer[memory.scratchOffset]).toBe(7);
    expect(memory.buffer[memory.receiveOffset]).toBe(0);
  });

  it('joins pieces in the scratch area, with the vnet header in front', () => {
    const memory = new PacketMemory(1000);
    const { buffer, receiveOffset, scratchOffset } = memory;
    buffer.set([1, 2, 3], receiveOffset + 500);
    buffer.set([4, 5], receiveOffset);
    buffer.set([6], receiveOffset + 900);
    const offsets = Uint32Array.of(500, 0, 900, 1).map((offset) => receiveOffset + offset);
    expect(memory.join(offsets, Uint32Array.of(3, 2, 1, 7), 3)).toBe(6);
    const start = scratchOffset - 10;
    expect([...buffer.subarray(start, start + 7)]).toEqual([1, 2, 3, 4, 5, 6, 0]);
  });
});
