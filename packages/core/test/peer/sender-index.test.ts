import { describe, expect, it } from 'vitest';
import type { Keypair } from '../../src/peer/keypairs.ts';
import type { Peer } from '../../src/peer/peer.ts';
import { SenderIndexTable } from '../../src/peer/sender-index.ts';

describe('SenderIndexTable', () => {
  it('takes indices from all 32 bits', () => {
    const table = new SenderIndexTable(bytesOf([0xffffffff, 0x80000000, 0, 1]));
    expect([peer, peer, peer, peer].map((p) => table.reserve(p))).toEqual([
      0xffffffff, 0x80000000, 0, 1,
    ]);
  });

  it('never gives out an index that a handshake or a keypair has', () => {
    const table = new SenderIndexTable(bytesOf([7, 8, 7, 8, 9]));
    expect(table.reserve(peer)).toBe(7);
    table.assign(table.reserve(peer), keypair);
    expect(table.reserve(peer)).toBe(9);
  });

  it('lets the index of a handshake mean its keypair from then on', () => {
    const table = new SenderIndexTable(bytesOf([0xf0000001]));
    const index = table.reserve(peer);
    expect(table.handshake(index)).toBe(peer);
    table.assign(index, keypair);
    expect(table.handshake(index)).toBeUndefined();
    expect(table.keypair(index)).toBe(keypair);
    expect(table.keypair(index | 0)).toBe(keypair);
  });

  it('does not hang on a random source that is none', () => {
    const table = new SenderIndexTable((out) => void out.fill(7));
    table.reserve(peer);
    expect(() => table.reserve(peer)).toThrow(/"randomBytes"/);
  });

  it('forgets a freed index', () => {
    const table = new SenderIndexTable(bytesOf([5, 6]));
    const index = table.reserve(peer);
    table.assign(index, keypair);
    table.free(index);
    expect(table.keypair(index)).toBeUndefined();
    expect(table.size).toBe(0);
  });
});

const peer = {} as Peer;
const keypair = {} as Keypair;

function bytesOf(numbers: number[]): (out: Uint8Array) => void {
  let used = 0;
  return (out) => new DataView(out.buffer, out.byteOffset).setUint32(0, numbers[used++] ?? 0, true);
}
