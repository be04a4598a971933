import { describe, expect, it } from 'vitest';
import { PublicKey } from '../../src/keys.ts';
import { Peer } from '../../src/peer/peer.ts';
import { PeerTable } from '../../src/peer/peer-table.ts';

describe('PeerTable', () => {
  it('keeps peers in the order in which they were added, also when their keys change', () => {
    const table = new PeerTable();
    const [a, b, c] = ['a', 'b', 'c'].map((id) => add(table, id));
    table.addKey('a2', a);
    table.deleteKey('a');
    a.id = 'a2';
    expect([...table.values()]).toEqual([a, b, c]);
    expect([table.get('a'), table.get('a2')]).toEqual([undefined, a]);
    expect(table.size).toBe(3);
  });

  it('finds a peer by each of its keys, and by none after it was removed', () => {
    const table = new PeerTable();
    const peer = add(table, 'a');
    peer.nextId = 'b';
    table.addKey('b', peer);
    expect([table.get('a'), table.get('b'), table.get('c')]).toEqual([peer, peer, undefined]);
    table.delete(peer);
    expect([table.get('a'), table.get('b'), table.size]).toEqual([undefined, undefined, 0]);
  });
});

function add(table: PeerTable, id: string): Peer {
  const peer = new Peer(new PublicKey(32), id, 0, 1);
  table.add(peer);
  return peer;
}
