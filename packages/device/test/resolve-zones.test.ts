import { parseEndpoint, type Endpoint, type PublicKey } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { resolveZones } from '../src/resolve-zones.ts';

describe('resolveZones', () => {
  test('replaces the name of an interface by its number', () => {
    const change = { listenPort: 7, peers: [peer('192.0.2.1:1'), peer('[fe80::1%wan]:2'), peer()] };
    const resolved = resolveZones(change, (name) => (name === 'wan' ? 5 : undefined));
    expect(resolved.listenPort).toBe(7);
    expect(resolved.peers?.map(({ endpoint }) => endpoint)).toEqual([
      parseEndpoint('192.0.2.1:1'),
      parseEndpoint('[fe80::1%5]:2'),
      undefined,
    ]);
  });

  test('does not change a configuration without interface names', () => {
    const change = { peers: [peer('[fe80::1%7]:2')] };
    expect(resolveZones(change, () => 5)).toBe(change);
    expect(resolveZones({}, () => 5)).toEqual({});
  });

  test('names the peer whose interface does not exist', () => {
    const change = { peers: [peer('192.0.2.1:1'), peer('[fe80::1%gone]:2')] };
    expect(() => resolveZones(change, () => undefined)).toThrow(
      expect.objectContaining({
        code: 'ERR_LITZ_INVALID_ENDPOINT',
        message:
          '"peers[1].endpoint" expected the name of an interface as zone, found no interface "gone"',
      }),
    );
  });
});

function peer(endpoint?: string): { publicKey: PublicKey; endpoint?: Endpoint } {
  const publicKey = new Uint8Array(32).fill(7) as PublicKey;
  return endpoint === undefined
    ? { publicKey }
    : { publicKey, endpoint: parseEndpoint(endpoint) as Endpoint };
}
