/**
 * `readDeviceChange`: what a person writes about keys and peers, as typed values.
 *
 * @module
 */
import type { PublicKey } from '@litz/core';
import {
  parsePresharedKey,
  parsePrivateKey,
  type EngineChange,
  type PeerChange,
  type PeerConfiguration,
  type PresharedKey,
  type PrivateKey,
} from '@litz/core';
import {
  checkArray,
  checkBoolean,
  checkInteger,
  checkObject,
  isZeroKey,
  readAllowedIps,
  readEndpoint,
  readField,
  readPublicKey,
  wipe,
  withinField,
} from '@litz/core/internals';
import type { DeviceConfiguration } from './device-configuration.ts';

/** One change of a device; what is absent stays as it is. A `DeviceConfiguration` is one too. */
export interface DeviceChange extends EngineChange {
  /** 0 to 65535; 0 picks one. */
  listenPort?: number;
  /** Of all outer datagrams; 0 is none. Needs Linux and CAP_NET_ADMIN. */
  fwmark?: number;
}

/**
 * Everything is checked before anything is returned. Keys are copied: whoever gets them wipes them, with
 * `wipeSecrets`.
 *
 * @throws {TypeError | RangeError} a field of the wrong type or range, by its name
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`, `ERR_LITZ_INVALID_ENDPOINT`,
 *   `ERR_LITZ_INVALID_CIDR`
 */
export function readDeviceChange(change: DeviceChange): DeviceConfiguration {
  checkObject(change, 'change', DEVICE_FIELDS);
  const { privateKey, nextPrivateKey, listenPort, fwmark, replacePeers, peers } = change;
  checkInteger(listenPort, 'listenPort', 0, 0xffff);
  checkInteger(fwmark, 'fwmark', 0, 0xffff_ffff);
  checkBoolean(replacePeers, 'replacePeers');
  if (peers !== undefined) checkArray(peers, 'peers');
  const read: PeerConfiguration[] = [];
  const configuration: DeviceConfiguration = {
    ...(listenPort !== undefined && { listenPort }),
    ...(fwmark !== undefined && { fwmark }),
    ...(replacePeers !== undefined && { replacePeers }),
    ...(peers && { peers: read }),
  };
  try {
    if (privateKey !== undefined) configuration.privateKey = readPrivateKey(privateKey);
    if (nextPrivateKey !== undefined) {
      configuration.nextPrivateKey = readPrivateKey(nextPrivateKey, 'nextPrivateKey');
    }
    peers?.forEach((peer, i) => read.push(readPeer(peer, i)));
    return configuration;
  } catch (error) {
    wipeSecrets(configuration);
    throw error;
  }
}

/** Wipes the private keys and all preshared keys, of a configuration or a status. */
export function wipeSecrets({
  privateKey,
  nextPrivateKey,
  peers = [],
}: Pick<DeviceConfiguration, 'privateKey' | 'nextPrivateKey'> & {
  readonly peers?: readonly Pick<PeerConfiguration, 'presharedKey'>[];
}): void {
  wipe(privateKey ?? undefined, nextPrivateKey ?? undefined);
  for (const { presharedKey } of peers) wipe(presharedKey ?? undefined);
}

function readPeer(peer: PeerChange, index: number): PeerConfiguration {
  // Names are put together only on the way to an error: there may be a million peers.
  try {
    checkObject(peer, '', PEER_FIELDS);
    return readPeerFields(peer);
  } catch (error) {
    throw withinField(error, `peers[${index}]`);
  }
}

function readPeerFields(peer: PeerChange): PeerConfiguration {
  const { presharedKey, endpoint, persistentKeepalive, allowedIps } = peer;
  const { replaceAllowedIps, updateOnly, remove, nextPublicKey, promotePublicKey } = peer;
  checkInteger(persistentKeepalive, 'persistentKeepalive', 0, 0xffff);
  checkBoolean(replaceAllowedIps, 'replaceAllowedIps');
  checkBoolean(updateOnly, 'updateOnly');
  checkBoolean(remove, 'remove');
  checkBoolean(promotePublicKey, 'promotePublicKey');
  return {
    publicKey: readPublicKey(peer.publicKey, 'publicKey'),
    ...(nextPublicKey !== undefined && { nextPublicKey: readNextPublicKey(nextPublicKey) }),
    ...(promotePublicKey !== undefined && { promotePublicKey }),
    ...(endpoint !== undefined && { endpoint: readEndpoint(endpoint, 'endpoint') }),
    ...(persistentKeepalive !== undefined && { persistentKeepalive }),
    ...(replaceAllowedIps !== undefined && { replaceAllowedIps }),
    ...(updateOnly !== undefined && { updateOnly }),
    ...(remove !== undefined && { remove }),
    ...(allowedIps !== undefined && { allowedIps: readAllowedIps(allowedIps, 'allowedIps') }),
    // Last, so that nothing is thrown when there is a copy of it.
    ...(presharedKey !== undefined && { presharedKey: readPresharedKey(presharedKey) }),
  };
}

function readPrivateKey(
  key: string | PrivateKey | null,
  field: 'privateKey' | 'nextPrivateKey' = 'privateKey',
): PrivateKey | null {
  return key === null ? null : readField(field, () => parsePrivateKey(key));
}

/** All zeros are none. */
function readNextPublicKey(key: string | PublicKey | null): PublicKey | null {
  const read = key === null ? null : readPublicKey(key, 'nextPublicKey');
  return read === null || isZeroKey(read) ? null : read;
}

function readPresharedKey(key: string | PresharedKey | null): PresharedKey | null {
  return key === null ? null : readField('presharedKey', () => parsePresharedKey(key));
}

/** Names of the fields of a change, for the message about one that is none of them. */
export const DEVICE_FIELDS: readonly string[] = [
  'privateKey',
  'nextPrivateKey',
  'listenPort',
  'fwmark',
  'replacePeers',
  'peers',
];
const PEER_FIELDS = [
  'publicKey',
  'nextPublicKey',
  'promotePublicKey',
  'presharedKey',
  'endpoint',
  'allowedIps',
  'persistentKeepalive',
  'replaceAllowedIps',
  'updateOnly',
  'remove',
];
