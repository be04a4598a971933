import { Endpoint, formatKey, type HostEndpoint } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/wg-quick/parse-config.ts';
import { toDeviceConfiguration } from '../../src/wg-quick/to-device-configuration.ts';
import { publicKey } from '../keys.ts';

const KEY = formatKey(publicKey(1));

describe('toDeviceConfiguration', () => {
  it('resets the fields that the file does not have', () => {
    expect(toDeviceConfiguration(parseConfig('[Interface]\nAddress = 10.0.0.1/24\n'))).toEqual({
      privateKey: null,
      listenPort: 0,
      fwmark: 0,
      replacePeers: true,
      peers: [],
    });
  });

  it('replaces the prefixes of a peer unless they have a sign (+ or -)', () => {
    expect(replaced('10.0.0.0/8')).toBe(true);
    expect(replaced('+10.0.0.0/8')).toBe(false);
  });

  it('uses the addresses that the caller gives for host names', () => {
    const config = parseConfig(`[Peer]\nPublicKey=${KEY}\nEndpoint=vpn.example.org:1\n`);
    const endpoint = new Endpoint(Uint8Array.of(192, 0, 2, 1), 1);
    const names = new Map([[config.peers[0].endpoint as HostEndpoint, endpoint]]);
    const [peer] = toDeviceConfiguration(config, names).peers!;
    expect(peer.endpoint).toBe(endpoint);
    expect(peer.endpointName).toBe('vpn.example.org:1');
    expect(() => toDeviceConfiguration(config)).toThrow('an address for vpn.example.org:1');
  });
});

function replaced(allowedIps: string): boolean | undefined {
  const config = parseConfig(`[Peer]\nPublicKey=${KEY}\nAllowedIPs=${allowedIps}`);
  return toDeviceConfiguration(config).peers?.[0].replaceAllowedIps;
}

describe('toDeviceConfiguration with wrong numbers', () => {
  it('names the wrong field', () => {
    const config = parseConfig('[Interface]\n');
    config.interface.listenPort = 99_999;
    expect(() => toDeviceConfiguration(config)).toThrow('"interface.listenPort" expected');
  });
});
