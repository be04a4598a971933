import { describe, expect, it } from 'vitest';
import { STAGED_OFFSET, StagedPackets, stagedLengthOf } from '../../src/peer/staged-packets.ts';

describe('StagedPackets', () => {
  it('returns packets in order, with space for header, padding and tag', () => {
    const staged = new StagedPackets();
    staged.push(Uint8Array.of(9, 1, 2, 3, 9), 1, 3);
    staged.push(Uint8Array.of(4), 0, 1);
    expect(staged.length).toBe(2);
    const first = staged.shift();
    expect(contents(first)).toEqual([1, 2, 3]);
    // The bytes around the packet are not copied.
    expect([...first!]).toEqual([...zeros(16), 1, 2, 3, ...zeros(15 + 16)]);
    expect(contents(staged.shift())).toEqual([4]);
    expect(staged.shift()).toBeUndefined();
    expect(staged.length).toBe(0);
    staged.push(Uint8Array.of(5), 0, 1);
    expect(contents(staged.shift())).toEqual([5]);
  });

  it('copies a packet, so that the caller can reuse the buffer at once', () => {
    const staged = new StagedPackets();
    const buffer = Uint8Array.of(1);
    staged.push(buffer, 0, 1);
    buffer[0] = 2;
    expect(contents(staged.shift())).toEqual([1]);
  });

  it('keeps 128 packets, and then drops the oldest packet for each new one', () => {
    const staged = new StagedPackets();
    for (let i = 0; i < 128; i++) expect(staged.push(Uint8Array.of(i), 0, 1)).toBe(true);
    expect(staged.push(Uint8Array.of(200), 0, 1)).toBe(false);
    expect(staged.push(Uint8Array.of(201), 0, 1)).toBe(false);
    expect(staged.length).toBe(128);
    const all = Array.from({ length: 128 }, () => contents(staged.shift())[0]);
    expect(all.slice(0, 2)).toEqual([2, 3]);
    expect(all.slice(-2)).toEqual([200, 201]);
  });

  it('returns how many packets it cleared, and can be used again', () => {
    const staged = new StagedPackets();
    for (let i = 0; i < 3; i++) staged.push(Uint8Array.of(i), 0, 1);
    expect(staged.clear()).toBe(3);
    expect(staged.length).toBe(0);
    staged.push(Uint8Array.of(7), 0, 1);
    expect(contents(staged.shift())).toEqual([7]);
  });
});

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

function contents(buffer: Uint8Array | undefined): number[] {
  return buffer ? [...buffer.subarray(STAGED_OFFSET, STAGED_OFFSET + stagedLengthOf(buffer))] : [];
}
