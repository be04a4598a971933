import { describe, expect, it } from 'vitest';
import type { Keypair } from '../../src/peer/keypairs.ts';
import type { Peer } from '../../src/peer/peer.ts';
import { SenderIndexTable } from '../../src/peer/sender-index.ts';

describe('SenderIndexTable', () => {
  it('uses indices from all 32 bits', () => {
    const table = new SenderIndexTable(bytesOf([0xffffffff, 0x80000000, 0, 1]));
    expect([peer, peer, peer, peer].map((p) => table.reserve(p))).toEqual([
      0xffffffff, 0x80000000, 0, 1,
    ]);
  });

  it('never reserves an index that a handshake or a keypair uses', () => {
    const table = new SenderIndexTable(bytesOf([7, 8, 7, 8, 9]));
    expect(table.reserve(peer)).toBe(7);
    table.assign(table.reserve(peer), keypair);
    expect(table.size).toBe(2);
    expect(table.reserve(peer)).toBe(9);
  });

  it('maps the index of a completed handshake to its keypair', () => {
    const table = new SenderIndexTable(bytesOf([0xf0000001]));
    const index = table.reserve(peer);
    expect(table.handshake(index)).toBe(peer);
    table.assign(index, keypair);
    expect(table.handshake(index)).toBeUndefined();
    expect(table.keypair(index)).toBe(keypair);
    expect(table.keypair(index | 0)).toBe(keypair);
  });

  it('throws when the random source keeps repeating itself', () => {
    let asked = 0;
    const table = new SenderIndexTable((out) => {
      asked++;
      out.fill(7);
    });
    table.reserve(peer);
    expect(() => table.reserve(peer)).toThrow(/"randomBytes"/);
    expect(asked).toBe(1 + 1000);
  });

  it('finds a keypair by the index that the peer chose, the oldest keypair first', () => {
    const table = new SenderIndexTable<Peer, Keypair>(bytesOf([5, 6, 7]));
    const [first, second, other] = [0xf0000002, 0xf0000002, 3].map(
      (remoteIndex) => ({ remoteIndex }) as Keypair,
    );
    const indices = [first, second, other].map((each) => {
      const index = table.reserve(peer);
      table.assign(index, each);
      return index;
    });
    expect(table.remote(0xf0000002)).toBe(first);
    expect(table.remote(0xf0000002 | 0)).toBe(first);
    expect(table.remote(3)).toBe(other);
    table.free(indices[1]);
    table.free(indices[1]);
    expect(table.remote(0xf0000002)).toBe(first);
    table.free(indices[0]);
    expect(table.remote(0xf0000002)).toBeUndefined();
    expect(table.remote(3)).toBe(other);
  });

  it('finds all keypairs whose peers chose the same index, whichever is removed first', () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [1, 2, 0],
    ]) {
      const table = new SenderIndexTable<Peer, Keypair>(bytesOf([5, 6, 7]));
      const keypairs = [0, 1, 2].map(() => ({ remoteIndex: 9 }) as Keypair);
      const indices = keypairs.map((each) => {
        const index = table.reserve(peer);
        table.assign(index, each);
        return index;
      });
      const known = () => {
        const first = table.remote(9);
        const all = [...(first ? [first] : []), ...table.sharing(9)];
        return all.map((each) => keypairs.indexOf(each)).toSorted((a, b) => a - b);
      };
      expect(known()).toEqual([0, 1, 2]);
      const left = new Set([0, 1, 2]);
      for (const i of order) {
        table.free(indices[i]);
        left.delete(i);
        expect(known()).toEqual([...left]);
      }
      expect(table.sharing(9)).toHaveLength(0);
    }
  });

  it('forgets a freed index', () => {
    const table = new SenderIndexTable(bytesOf([5, 6]));
    const index = table.reserve(peer);
    table.assign(index, keypair);
    table.free(index);
    expect(table.keypair(index)).toBeUndefined();
    expect(table.size).toBe(0);
    const other = table.reserve(peer);
    table.free(other);
    expect(table.handshake(other)).toBeUndefined();
    expect(table.size).toBe(0);
  });
});

const peer = {} as Peer;
const keypair = { remoteIndex: 77 } as Keypair;

function bytesOf(numbers: number[]): (out: Uint8Array) => void {
  let used = 0;
  return (out) => new DataView(out.buffer, out.byteOffset).setUint32(0, numbers[used++] ?? 0, true);
}
