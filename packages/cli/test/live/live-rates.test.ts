import { describe, expect, it } from 'vitest';
import { ratesBetween, type LiveCounters } from '../../src/live/live-rates.ts';

const COUNTERS: LiveCounters = {
  receivedBytes: 1000,
  sentBytes: 2000,
  receivedMessages: 10,
  sentMessages: 20,
  drops: 5,
  handshakeAt: 1,
};

describe('ratesBetween', () => {
  it('divides by the time between the two readings', () => {
    const after = { ...COUNTERS, receivedBytes: 2000, sentMessages: 21, drops: 6, handshakeAt: 9 };
    expect(ratesBetween(COUNTERS, after, 500)).toEqual({
      receivedBytes: 2000,
      sentBytes: 0,
      receivedMessages: 0,
      sentMessages: 2,
      drops: 2,
      handshakes: 2,
    });
  });

  it('counts from 0 after the daemon was restarted', () => {
    const after = { ...COUNTERS, receivedBytes: 100, sentBytes: 2100, handshakeAt: 0 };
    expect(ratesBetween(COUNTERS, after, 1000)).toMatchObject({
      receivedBytes: 100,
      sentBytes: 2100,
      receivedMessages: 10,
      handshakes: 0,
    });
  });
});
