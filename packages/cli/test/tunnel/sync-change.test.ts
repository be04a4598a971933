import { parseConfig, toDeviceConfiguration, type DeviceStatus } from '@litz/config';
import {
  parseCidr,
  parseEndpoint,
  parsePrivateKey,
  parsePublicKey,
  type Endpoint,
} from '@litz/core';
import { describe, expect, test } from 'vitest';
import { endpointsOf, syncChange } from '../../src/tunnel/sync-change.ts';
import { keyPair } from '../key-pair.ts';

const OWN = keyPair();
const BOB = keyPair();
const CAROL = keyPair();

describe('syncChange', () => {
  test('changes nothing if the device has what the file says', () => {
    expect(syncChange(status(), wanted())).toEqual({});
  });

  test('keeps the key, the port and the mark if the file does not have them', () => {
    expect(syncChange({ ...status(), fwmark: 7 }, wanted('', 'PublicKey = X'))).toEqual({});
  });

  test('names only the fields that differ', () => {
    const change = syncChange(status(), wanted('ListenPort = 9', 'PersistentKeepalive = 5'));
    const publicKey = parsePublicKey(BOB.publicKey);
    expect(change).toEqual({ listenPort: 9, peers: [{ publicKey, persistentKeepalive: 5 }] });
  });

  test('replaces the prefixes of a peer if the file has other prefixes, but not if only their order differs', () => {
    expect(
      syncChange(status(), wanted('', 'AllowedIPs = 10.2.0.0/16', 'AllowedIPs = 10.1.0.0/16')),
    ).toEqual({});
    const [peer] = syncChange(status(), wanted('', 'AllowedIPs = 10.2.0.0/16')).peers!;
    expect(peer).toMatchObject({ replaceAllowedIps: true, allowedIps: [parseCidr('10.2.0.0/16')] });
  });

  test('removes a peer that the file does not have, and adds a new peer with all its fields', () => {
    const text = `[Interface]\n[Peer]\nPublicKey = ${CAROL.publicKey}\nAllowedIPs = 10.3.0.0/16\n`;
    const { peers } = syncChange(status(), toDeviceConfiguration(parseConfig(text)));
    expect(peers).toMatchObject([
      { publicKey: parsePublicKey(BOB.publicKey), remove: true },
      { publicKey: parsePublicKey(CAROL.publicKey), allowedIps: [parseCidr('10.3.0.0/16')] },
    ]);
  });

  test('keeps the endpoint of a peer that has roamed, unless the endpoint in the file has changed', () => {
    const roamed = status('198.51.100.9:9');
    const before = endpointsOf(wanted());
    expect(syncChange(roamed, wanted(), before)).toEqual({});
    const [peer] = syncChange(roamed, wanted('', 'Endpoint = 192.0.2.8:8'), before).peers!;
    expect(String(peer.endpoint)).toBe('192.0.2.8:8');
    // If no earlier file is given, the endpoint of the file is used, as by `wg syncconf`.
    expect(syncChange(roamed, wanted()).peers).toHaveLength(1);
  });

  test('sets the name of an endpoint, removes the name if the file has an address, and keeps the name if the file has no endpoint', () => {
    const publicKey = parsePublicKey(BOB.publicKey);
    const named = status();
    named.peers[0].endpointName = 'vpn.example:51820';
    const file = wanted();
    file.peers![0].endpointName = 'vpn.example:51820';
    expect(syncChange(named, file)).toEqual({});
    expect(syncChange(status(), file).peers).toEqual([
      { publicKey, endpointName: 'vpn.example:51820' },
    ]);
    expect(syncChange(named, wanted()).peers).toEqual([{ publicKey, endpointName: '' }]);
    delete file.peers![0].endpoint;
    delete file.peers![0].endpointName;
    expect(syncChange(named, file)).toEqual({});
  });

  test('removes a preshared key that the file does not have', () => {
    const withKey = status();
    withKey.peers[0].presharedKey = parsePrivateKey(keyPair().privateKey) as never;
    expect(syncChange(withKey, wanted()).peers).toMatchObject([{ presharedKey: null }]);
  });
});

function status(endpoint = '192.0.2.2:51820'): DeviceStatus {
  return {
    privateKey: parsePrivateKey(OWN.privateKey),
    listenPort: 51820,
    fwmark: 0,
    peers: [
      {
        publicKey: parsePublicKey(BOB.publicKey),
        endpoint: parseEndpoint(endpoint) as Endpoint,
        persistentKeepalive: 0,
        allowedIps: ['10.1.0.0/16', '10.2.0.0/16'].map(parseCidr),
        lastHandshakeUnixMs: 0,
        receivedBytes: 0,
        sentBytes: 0,
      },
    ],
  };
}

/**
 * Returns the configuration of a file that matches `status()`. The given lines replace the default
 * lines for the same fields. An empty `interfaceLine` also leaves out the private key.
 */
function wanted(
  interfaceLine = 'ListenPort = 51820',
  ...peerLines: string[]
): ReturnType<typeof toDeviceConfiguration> {
  const joined = peerLines.join('\n');
  const text = [
    '[Interface]',
    ...(interfaceLine === '' ? [] : [`PrivateKey = ${OWN.privateKey}`, interfaceLine]),
    '[Peer]',
    `PublicKey = ${BOB.publicKey}`,
    ...(joined.includes('Endpoint') ? [] : ['Endpoint = 192.0.2.2:51820']),
    ...(joined.includes('AllowedIPs') ? [] : ['AllowedIPs = 10.1.0.0/16, 10.2.0.0/16']),
    ...peerLines.filter((line) => !line.startsWith('PublicKey')),
  ];
  return toDeviceConfiguration(parseConfig(text.join('\n')));
}
