import { describe, expect, it } from 'vitest';
import { countersOfPeer, describePeer, peerId } from '../../src/live/describe-peer.ts';
import { NO_RATES, type LivePeer } from '../../src/live/live-status.ts';
import { exampleDevice, examplePeer, NOW } from './examples.ts';

describe('describePeer', () => {
  it('returns everything that a daemon of Litz reports about a peer', () => {
    const peer = examplePeer(1, {
      receivedBytes: 5,
      receivedMessages: 6,
      roundTripMs: 1.5,
      endpointName: 'vpn.example.org:51820',
      drops: { 'invalid-tag': 2 },
    });
    const publicKey = 'AAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=';
    expect(described(peer)).toEqual({
      id: peerId('wg0', publicKey),
      interface: 'wg0',
      publicKey,
      state: 'connected',
      problem: undefined,
      endpoint: '192.0.2.1:51820',
      endpointName: 'vpn.example.org:51820',
      allowedIps: ['10.0.0.1/32'],
      lastHandshakeAt: NOW - 10_000,
      roundTripMs: 1.5,
      receivedBytes: 5,
      sentBytes: 0,
      receivedMessages: 6,
      sentMessages: 0,
      drops: { 'invalid-tag': 2 },
      rates: NO_RATES,
    });
  });

  it('leaves the fields undefined that another implementation does not report', () => {
    const status = exampleDevice([], {});
    delete status.details;
    const peer = describePeer(examplePeer(1), { name: 'wg0', status }, NO_RATES, NOW);
    expect(peer).toMatchObject({ receivedMessages: undefined, drops: undefined });
  });

  it.each<[LivePeer['state'], object]>([
    ['connected', { lastHandshakeUnixMs: NOW - 180_000 }],
    ['idle', { lastHandshakeUnixMs: NOW - 180_001 }],
    ['waiting', { lastHandshakeUnixMs: 0 }],
    ['failing', { lastHandshakeUnixMs: 0, unansweredInitiations: 3 }],
    // The session still works, although the next handshake fails.
    ['connected', { unansweredInitiations: 3 }],
  ])('returns the state %s for a peer with %j', (state, fields) => {
    const peer = described(examplePeer(1, fields));
    expect(peer.state).toBe(state);
    expect(peer.problem !== undefined).toBe(state === 'failing');
  });
});

describe('countersOfPeer', () => {
  it('adds the drops of all reasons', () => {
    const peer = examplePeer(1, { sentBytes: 3, drops: { 'invalid-tag': 2, 'routing-loop': 1 } });
    expect(countersOfPeer(peer)).toMatchObject({ sentBytes: 3, sentMessages: 0, drops: 3 });
  });
});

function described(peer: ReturnType<typeof examplePeer>): LivePeer {
  return describePeer(peer, { name: 'wg0', status: exampleDevice([peer]) }, NO_RATES, NOW);
}
