import { type DevicePeerStatus, type DeviceStatus } from '@litz/config';
import { parsePrivateKey, parsePublicKey } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { handshakeProblem } from '../../src/show/handshake-problem.ts';
import { keyPair } from '../key-pair.ts';

const DETAILS = {
  provider: 'wasm',
  providerReason: 'x',
  offloads: [],
  threads: 1,
  priority: 'normal' as const,
  drops: {},
};

describe('handshakeProblem', () => {
  test.each<[string, Partial<DevicePeerStatus>, Partial<DeviceStatus>, RegExp]>([
    ['no key', {}, { privateKey: undefined as never }, /^there is no private key$/],
    ['keys that differ', { drops: { 'invalid-handshake': 1 } }, {}, /different keys/],
    ['a clock that went back', { drops: { 'replayed-initiation': 2 } }, {}, /clock of the peer/],
    ['no endpoint', { drops: { 'no-endpoint': 3 } }, {}, /^there is no endpoint/],
    [
      'no answer',
      { unansweredInitiations: 3 },
      {},
      /^3 initiations without an answer: the endpoint/,
    ],
    [
      'no route',
      { unansweredInitiations: 2 },
      { details: { ...DETAILS, drops: { 'send-failed': 1 } } },
      /could not be sent/,
    ],
    [
      'a peer with a wrong key for this side',
      { unansweredInitiations: 2 },
      { details: { ...DETAILS, drops: { 'bad-mac1': 1 } } },
      /wrong public key for this side/,
    ],
  ])('says why there is no handshake: %s', (_, peer, status, text) => {
    expect(problemOf(peer, status)).toMatch(text);
  });

  test('says nothing about one initiation, whose answer may be on its way', () => {
    expect(problemOf({ unansweredInitiations: 1 })).toBeUndefined();
  });

  test('says nothing about a daemon that does not report drops', () => {
    expect(
      problemOf({ drops: { 'invalid-handshake': 1 } }, { details: undefined as never }),
    ).toBeUndefined();
  });
});

function problemOf(
  peer: Partial<DevicePeerStatus>,
  status: Partial<DeviceStatus> = {},
): string | undefined {
  const { privateKey, publicKey } = keyPair();
  const base = {
    persistentKeepalive: 0,
    allowedIps: [],
    lastHandshakeUnixMs: 0,
    receivedBytes: 0,
    sentBytes: 0,
  };
  return handshakeProblem(
    { ...base, publicKey: parsePublicKey(publicKey), ...peer },
    {
      privateKey: parsePrivateKey(privateKey),
      listenPort: 0,
      fwmark: 0,
      details: DETAILS,
      peers: [],
      ...status,
    },
  );
}
