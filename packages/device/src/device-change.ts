/**
 * `readDeviceChange`: what a person writes about keys and peers, as the engine's configuration.
 *
 * @module
 */
import {
  Endpoint,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  WireGuardError,
  type AllowedIp,
  type PeerConfiguration,
  type PresharedKey,
  type PrivateKey,
  type PublicKey,
} from '@litz/core';
import { quote } from '@litz/core/internals';
import { formatEndpoint, parseCidr, parseEndpoint, type DeviceConfiguration } from '@litz/config';
import {
  checkArray,
  checkBoolean,
  checkInteger,
  checkObject,
  describe,
  readField,
} from './field.ts';

/** One change of a device; what is absent stays as it is. A `DeviceConfiguration` is one too. */
export interface DeviceChange {
  /** Base64 or bytes; null takes it away. */
  privateKey?: string | PrivateKey | null;
  /** 0 to 65535; 0 picks one. */
  listenPort?: number;
  /** Of all outer datagrams; 0 is none. Needs Linux and CAP_NET_ADMIN. */
  fwmark?: number;
  /** Removes all peers before `peers` are added. */
  replacePeers?: boolean;
  peers?: readonly PeerChange[];
}

/** The peer is added if it is not there. */
export interface PeerChange {
  publicKey: string | PublicKey;
  presharedKey?: string | PresharedKey | null;
  /** '192.0.2.1:51820', '[2001:db8::1]:51820'. Names are for whoever asks to resolve. */
  endpoint?: string | Endpoint;
  /** '10.0.0.0/24', '10.0.0.2', 'fd00::/8'. A prefix belongs to one peer: the last who was given it. */
  allowedIps?: readonly (string | AllowedIp)[];
  /** Seconds, 0 to 65535; 0 is off. */
  persistentKeepalive?: number;
  /** Takes all prefixes away before `allowedIps` are added. */
  replaceAllowedIps?: boolean;
  /** Changes a peer that is there and adds none. */
  updateOnly?: boolean;
  /** Removes the peer. */
  remove?: boolean;
}

/**
 * Everything is checked before anything is returned.
 *
 * @throws {TypeError | RangeError} a field of the wrong type or range, by its name
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`, `ERR_LITZ_INVALID_ENDPOINT`,
 *   `ERR_LITZ_INVALID_CIDR`
 */
export function readDeviceChange(change: DeviceChange): DeviceConfiguration {
  checkObject(change, 'change', DEVICE_FIELDS);
  const { privateKey, listenPort, fwmark, replacePeers, peers } = change;
  checkInteger(listenPort, 'listenPort', 0, 0xffff);
  checkInteger(fwmark, 'fwmark', 0, 0xffff_ffff);
  checkBoolean(replacePeers, 'replacePeers');
  if (peers !== undefined) checkArray(peers, 'peers');
  return {
    ...(privateKey !== undefined && { privateKey: readPrivateKey(privateKey) }),
    ...(listenPort !== undefined && { listenPort }),
    ...(fwmark !== undefined && { fwmark }),
    ...(replacePeers !== undefined && { replacePeers }),
    ...(peers && { peers: peers.map((peer, i) => readPeer(peer, `peers[${i}]`)) }),
  };
}

/** @throws {WireGuardError} `ERR_LITZ_INVALID_KEY` */
export function readPublicKey(key: string | PublicKey, field: string): PublicKey {
  return readField(field, () => parsePublicKey(key));
}

function readPrivateKey(key: string | PrivateKey | null): PrivateKey | null {
  return key === null ? null : readField('privateKey', () => parsePrivateKey(key));
}

function readPeer(peer: PeerChange, field: string): PeerConfiguration {
  checkObject(peer, field, PEER_FIELDS);
  const { presharedKey, endpoint, persistentKeepalive, allowedIps } = peer;
  const { replaceAllowedIps, updateOnly, remove } = peer;
  checkInteger(persistentKeepalive, `${field}.persistentKeepalive`, 0, 0xffff);
  checkBoolean(replaceAllowedIps, `${field}.replaceAllowedIps`);
  checkBoolean(updateOnly, `${field}.updateOnly`);
  checkBoolean(remove, `${field}.remove`);
  if (allowedIps !== undefined) checkArray(allowedIps, `${field}.allowedIps`);
  return {
    publicKey: readPublicKey(peer.publicKey, `${field}.publicKey`),
    ...(presharedKey !== undefined && { presharedKey: readPresharedKey(presharedKey, field) }),
    ...(endpoint !== undefined && { endpoint: readEndpoint(endpoint, `${field}.endpoint`) }),
    ...(persistentKeepalive !== undefined && { persistentKeepalive }),
    ...(replaceAllowedIps !== undefined && { replaceAllowedIps }),
    ...(updateOnly !== undefined && { updateOnly }),
    ...(remove !== undefined && { remove }),
    ...(allowedIps && {
      allowedIps: allowedIps.map((entry, i) => readAllowedIp(entry, `${field}.allowedIps[${i}]`)),
    }),
  };
}

function readPresharedKey(key: string | PresharedKey | null, field: string): PresharedKey | null {
  return key === null ? null : readField(`${field}.presharedKey`, () => parsePresharedKey(key));
}

function readEndpoint(endpoint: string | Endpoint, field: string): Endpoint {
  if (endpoint instanceof Endpoint) return endpoint;
  if (typeof endpoint !== 'string') {
    throw new TypeError(`"${field}" expected 'ADDRESS:PORT', got ${describe(endpoint)}`);
  }
  const parsed = readField(field, () => parseEndpoint(endpoint));
  if (parsed instanceof Endpoint) return parsed;
  throw new WireGuardError(
    'ERR_LITZ_INVALID_ENDPOINT',
    `"${field}" expected an IP address, got the name ${quote(formatEndpoint(parsed))}: a device resolves no ` +
      "names; await resolveEndpoint('HOST:PORT') of @litz/device gives its endpoint, and `litz up` " +
      'does it for the names in a file',
  );
}

function readAllowedIp(entry: string | AllowedIp, field: string): AllowedIp {
  if (typeof entry === 'string') return readField(field, () => parseCidr(entry));
  checkObject(entry, field, ALLOWED_IP_FIELDS);
  const { address, prefixLength, remove } = entry;
  if (!(address instanceof Uint8Array) || (address.length !== 4 && address.length !== 16)) {
    throw new TypeError(`"${field}.address" expected 4 or 16 bytes, got ${describe(address)}`);
  }
  if (prefixLength === undefined) throw new TypeError(`"${field}.prefixLength" expected a number`);
  checkInteger(prefixLength, `${field}.prefixLength`, 0, address.length * 8);
  checkBoolean(remove, `${field}.remove`);
  return entry;
}

/** Names of the fields of a change, for the message about one that is none of them. */
export const DEVICE_FIELDS: readonly string[] = [
  'privateKey',
  'listenPort',
  'fwmark',
  'replacePeers',
  'peers',
];
const PEER_FIELDS = [
  'publicKey',
  'presharedKey',
  'endpoint',
  'allowedIps',
  'persistentKeepalive',
  'replaceAllowedIps',
  'updateOnly',
  'remove',
];
const ALLOWED_IP_FIELDS = ['address', 'prefixLength', 'remove'];
