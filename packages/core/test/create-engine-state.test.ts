import { describe, expect, it } from 'vitest';
import { createEngineState } from '../src/create-engine-state.ts';
import { EngineStats } from '../src/stats.ts';

const REQUIRED = { randomBytes: () => {}, unixTime: () => 0 };

describe('createEngineState', () => {
  it('fills in the defaults', () => {
    const stats = new EngineStats();
    const state = createEngineState(REQUIRED, stats);
    expect(state).toMatchObject({ mtu: 1420, up: true, giveUpMs: undefined, identity: undefined });
    expect(state.crypto.name).toBe('noble');
    expect(state.limits).toEqual({
      rekeyAfterMessages: 2 ** 52,
      rejectAfterMessages: 2 ** 53 - 2 ** 13 - 1,
    });
    expect([state.stats === stats, state.peers.size]).toEqual([true, 0]);
  });

  it('uses the given options', () => {
    const limits = { rekeyAfterMessages: 5, rejectAfterMessages: 9 };
    const options = { ...REQUIRED, mtu: 1280, handshakeGiveUpMs: 7000, limits };
    const state = createEngineState(options, new EngineStats());
    expect(state).toMatchObject({ mtu: 1280, giveUpMs: 7000, limits });
  });

  it('is under load when more handshake messages arrive per second than the option allows, 100 by default', () => {
    expect([messagesUntilLoad({}), messagesUntilLoad({ handshakesPerSecond: 3 })]).toEqual([
      100, 3,
    ]);
  });

  it('refuses a wrong option', () => {
    const options = { ...REQUIRED, mtu: 0 };
    expect(() => createEngineState(options, new EngineStats())).toThrow(
      '"mtu" expected an integer from 1 to 65535',
    );
  });
});

function messagesUntilLoad(underLoad: { handshakesPerSecond?: number }): number {
  const { load } = createEngineState({ ...REQUIRED, underLoad }, new EngineStats());
  let count = 0;
  while (!load.note(0)) count++;
  return count;
}
