/**
 * `readDeviceChange`: checks a change of a device (keys, port, mark, peers), and converts text to
 * typed values.
 *
 * @module
 */
import {
  parsePresharedKey,
  parsePrivateKey,
  type EngineChange,
  type PeerChange,
  type PeerConfiguration,
  type PrivateKey,
} from '@litz/core';
import {
  checkArray,
  checkBoolean,
  checkInteger,
  checkObject,
  readField,
  readPeerChange,
  wipe,
} from '@litz/core/internals';
import type { DeviceConfiguration } from './device-configuration.ts';

/**
 * A change of a device. An absent field leaves its value as it is. A `DeviceConfiguration` is a
 * `DeviceChange` too.
 */
export interface DeviceChange extends EngineChange {
  /** 0 to 65535; 0 chooses a free port. */
  listenPort?: number;
  /** The mark of all outer datagrams; 0 means no mark. Needs Linux and CAP_NET_ADMIN. */
  fwmark?: number;
}

/**
 * Checks all fields, then returns the change with typed values. Private and preshared keys are
 * copied; the caller must wipe the copies with `wipeSecrets`.
 *
 * @throws {TypeError | RangeError} a field has a wrong type or is out of range; the message names
 *   it
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`, `ERR_LITZ_INVALID_ENDPOINT`,
 *   `ERR_LITZ_INVALID_CIDR`
 */
export function readDeviceChange(change: DeviceChange): DeviceConfiguration {
  checkObject(change, 'change', DEVICE_FIELDS);
  const { peers } = change;
  if (peers !== undefined) checkArray(peers, 'peers');
  const configuration = readDevice(change);
  if (!peers) return configuration;
  const read: PeerConfiguration[] = [];
  configuration.peers = read;
  try {
    peers.forEach((peer, i) => read.push(readPeer(peer, i)));
    return configuration;
  } catch (error) {
    wipeSecrets(configuration);
    throw error;
  }
}

/**
 * Like `readDeviceChange`, but first yields the device without its peers, and then one peer after
 * the other. So memory never holds a second copy of thousands of peers. The secrets of a yielded
 * value are wiped before the next value is made.
 *
 * @throws {TypeError | RangeError | WireGuardError} as `readDeviceChange`
 */
export function* readDeviceParts(
  change: DeviceChange,
): Generator<DeviceConfiguration, void, undefined> {
  checkObject(change, 'change', DEVICE_FIELDS);
  const { peers } = change;
  if (peers !== undefined) checkArray(peers, 'peers');
  yield* wiped(readDevice(change));
  for (const [i, peer] of peers?.entries() ?? []) yield* wiped({ peers: [readPeer(peer, i)] });
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

function* wiped(part: DeviceConfiguration): Generator<DeviceConfiguration, void, undefined> {
  try {
    yield part;
  } finally {
    wipeSecrets(part);
  }
}

/** Reads a change without its peers. */
function readDevice(change: DeviceChange): DeviceConfiguration {
  const { privateKey, nextPrivateKey, listenPort, fwmark, replacePeers } = change;
  checkInteger(listenPort, 'listenPort', 0, 0xffff);
  checkInteger(fwmark, 'fwmark', 0, 0xffff_ffff);
  checkBoolean(replacePeers, 'replacePeers');
  const configuration: DeviceConfiguration = {
    ...(listenPort !== undefined && { listenPort }),
    ...(fwmark !== undefined && { fwmark }),
    ...(replacePeers !== undefined && { replacePeers }),
  };
  try {
    if (privateKey !== undefined)
      configuration.privateKey = copyPrivateKey(privateKey, 'privateKey');
    if (nextPrivateKey !== undefined) {
      configuration.nextPrivateKey = copyPrivateKey(nextPrivateKey, 'nextPrivateKey');
    }
    return configuration;
  } catch (error) {
    wipeSecrets(configuration);
    throw error;
  }
}

/** Reads a peer as the engine does, and copies its preshared key. */
function readPeer(given: PeerChange, index: number): PeerConfiguration {
  const { presharedKey, ...peer } = readPeerChange(given, index);
  if (presharedKey === undefined) return peer;
  return { ...peer, presharedKey: presharedKey === null ? null : parsePresharedKey(presharedKey) };
}

function copyPrivateKey(
  key: string | PrivateKey | null,
  field: 'privateKey' | 'nextPrivateKey',
): PrivateKey | null {
  return key === null ? null : readField(field, () => parsePrivateKey(key));
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
