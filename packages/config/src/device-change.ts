/**
 * `readDeviceChange`: checks a change of keys and peers, and converts text to typed values.
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

/**
 * A change of a device. Fields that are absent stay as they are. A `DeviceConfiguration` is a
 * `DeviceChange` too.
 */
export interface DeviceChange extends EngineChange {
  /** 0 to 65535; 0 chooses a free port. */
  listenPort?: number;
  /** Mark of all outer datagrams; 0: none. Needs Linux and CAP_NET_ADMIN. */
  fwmark?: number;
}

/**
 * Checks all fields, then returns the change with typed values. Keys are copied; the caller must
 * wipe the copies with `wipeSecrets`.
 *
 * @throws {TypeError | RangeError} a field has a wrong type or is out of range; the message names
 *   it
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

/** Wipes the private keys and all preshared keys of a configuration or a status. */
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
  // The name of the field is composed only for an error, because there may be a million peers.
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
    // Last, so that no later field can throw after the key was copied.
    ...(presharedKey !== undefined && { presharedKey: readPresharedKey(presharedKey) }),
  };
}

function readPrivateKey(
  key: string | PrivateKey | null,
  field: 'privateKey' | 'nextPrivateKey' = 'privateKey',
): PrivateKey | null {
  return key === null ? null : readField(field, () => parsePrivateKey(key));
}

/** Returns null for a key of zeros, which means none. */
function readNextPublicKey(key: string | PublicKey | null): PublicKey | null {
  const read = key === null ? null : readPublicKey(key, 'nextPublicKey');
  return read === null || isZeroKey(read) ? null : read;
}

function readPresharedKey(key: string | PresharedKey | null): PresharedKey | null {
  return key === null ? null : readField('presharedKey', () => parsePresharedKey(key));
}

/** The names of a change's fields, for the error about an unknown field. */
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
