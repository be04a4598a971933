import { Endpoint, parseCidr } from '@litz/core';
import type { DeviceStatus } from '../../src/device-configuration.ts';
import { presharedKey, privateKey, publicKey } from '../keys.ts';

/** The status of a device with two peers, for the tests of `get`. */
export const STATUS: DeviceStatus = {
  privateKey: privateKey(1),
  listenPort: 51820,
  fwmark: 16,
  peers: [
    {
      publicKey: publicKey(2),
      presharedKey: presharedKey(3),
      endpoint: new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820),
      persistentKeepalive: 25,
      allowedIps: [parseCidr('10.0.0.0/8'), parseCidr('fd00::/64')],
      lastHandshakeUnixMs: 1_700_000_000_250,
      receivedBytes: 2 ** 40,
      sentBytes: 12,
    },
    {
      publicKey: publicKey(4),
      persistentKeepalive: 0,
      allowedIps: [],
      lastHandshakeUnixMs: 0,
      receivedBytes: 0,
      sentBytes: 0,
    },
  ],
};

/** The same status during a replacement of keys. */
export const STATUS_WITH_NEXT_KEYS: DeviceStatus = {
  ...STATUS,
  nextPrivateKey: privateKey(5),
  peers: [
    {
      ...STATUS.peers[0],
      nextPublicKey: publicKey(6),
      sessionStaticKeys: { own: publicKey(8), peer: publicKey(6) },
    },
    STATUS.peers[1],
  ],
};
