import { describe, expect, it } from 'vitest';
import { drop, type EngineState } from '../src/engine-state.ts';
import { PublicKey } from '../src/keys.ts';
import { Peer } from '../src/peer/peer.ts';
import { EngineStats } from '../src/stats.ts';

describe('drop', () => {
  it('counts the drop for the engine and for the peer, and remembers the peer', () => {
    const state = { stats: new EngineStats() } as EngineState;
    const { drops } = state.stats;
    const peer = new Peer(new PublicKey(32), 'id', 0, 1);
    expect(drop(state, 'invalid-tag', peer)).toBe('invalid-tag');
    expect(drop(state, 'invalid-tag', peer, 3)).toBe('invalid-tag');
    expect(drops.toJSON()).toEqual({ 'invalid-tag': 4 });
    expect(peer.drops()).toEqual({ 'invalid-tag': 4 });
    expect(drops.takeDetails('invalid-tag').lastPeer).toBe(peer.publicKey);
  });

  it('counts the drop only for the engine if the peer is unknown', () => {
    const state = { stats: new EngineStats() } as EngineState;
    expect(drop(state, 'bad-mac1', undefined, 2)).toBe('bad-mac1');
    expect(state.stats.drops.toJSON()).toEqual({ 'bad-mac1': 2 });
    expect(state.stats.drops.takeDetails('bad-mac1').lastPeer).toBeUndefined();
  });
});
