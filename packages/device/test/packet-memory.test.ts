import { describe, expect, it } from 'vitest';
import { clearVnetHeader, MAX_PACKET_LENGTH, PacketMemory } from '../src/packet-memory.ts';

describe('PacketMemory', () => {
  it('leaves each packet its room: 16 bytes in front, 31 behind', () => {
    const memory = new PacketMemory();
    let end = 0;
    for (let length = 1; length < 300; length++) {
      const at = memory.nextPacket();
      expect(at - end).toBeGreaterThanOrEqual(16);
      expect(at % 16).toBe(0);
      memory.keep(length);
      end = at + length + 31;
    }
  });

  it('offers no place that the largest packet does not fit into', () => {
    const memory = new PacketMemory();
    let at = 0;
    while ((at = memory.nextPacket()) !== -1) {
      expect(at + MAX_PACKET_LENGTH + 31).toBeLessThanOrEqual(memory.scratchOffset - 16);
      memory.keep(9000);
    }
    memory.clear();
    expect(memory.nextPacket()).toBe(16);
  });

  it('keeps scratch and receive slots apart', () => {
    const memory = new PacketMemory(1000);
    const largest = new Uint8Array(MAX_PACKET_LENGTH).fill(7);
    memory.toScratch(largest, 0, largest.length);
    expect(memory.scratchOffset + largest.length).toBeLessThanOrEqual(memory.receiveOffset);
    expect(memory.buffer.length).toBe(memory.receiveOffset + 1000);
    expect(memory.buffer[memory.scratchOffset]).toBe(7);
    expect(memory.buffer[memory.receiveOffset]).toBe(0);
  });
});

describe('clearVnetHeader', () => {
  it('zeroes the 10 bytes in front of a packet and no others', () => {
    const buffer = new Uint8Array(14).fill(1);
    clearVnetHeader(buffer, 12);
    expect([...buffer]).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
  });
});
