/**
 * Checks a whole configuration change before any part of it takes effect.
 *
 * @module
 */
import type { AllowedIp, EngineChange, PeerChange } from './configuration.ts';
import { MAX_PEERS } from './constants.ts';
import type { Endpoint } from './endpoint.ts';
import { WireGuardError } from './errors.ts';
import { checkArray, checkBoolean, checkInteger, checkObject, withinField } from './field.ts';
import { isZeroKey, keyId, type PrivateKey, type PublicKey } from './keys.ts';
import type { PeerTable } from './peer/peer-table.ts';
import {
  checkEndpointName,
  checkPresharedKey,
  checkPrivateKey,
  readAllowedIp,
  readEndpoint,
  readPublicKey,
} from './values.ts';

/** A change without errors. */
export interface CheckedChange {
  /**
   * Text or bytes that belong to the caller. Secrets are copied only when the change takes effect.
   */
  readonly privateKey: string | PrivateKey | null | undefined;
  readonly nextPrivateKey: string | PrivateKey | null | undefined;
  readonly replacePeers: boolean;
  readonly peers: readonly PeerToApply[];
}

/** A checked peer. Its prefixes may be an iterable that makes each prefix when it is read. */
export interface PeerToApply extends Omit<CheckedPeer, 'allowedIps'> {
  readonly allowedIps?: Iterable<AllowedIp>;
}

/**
 * A peer change with typed values. If no field was text, apart from secrets, this is the caller's
 * own object.
 */
export interface CheckedPeer extends Omit<
  PeerChange,
  'publicKey' | 'nextPublicKey' | 'endpoint' | 'allowedIps'
> {
  readonly publicKey: PublicKey;
  readonly nextPublicKey?: PublicKey | null;
  readonly endpoint?: Endpoint;
  readonly allowedIps?: readonly AllowedIp[];
}

/** The part of an `EngineState` that the checks need. */
export interface CurrentConfiguration {
  readonly peers: PeerTable;
  readonly identity: object | undefined;
}

/**
 * Checks a change and turns text into typed values, except for secrets.
 *
 * @param current the state of the engine
 * @throws {TypeError | RangeError} a field has the wrong type or is out of range; the message names
 *   it
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`, `ERR_LITZ_INVALID_ENDPOINT`,
 *   `ERR_LITZ_INVALID_CIDR`, `ERR_LITZ_TOO_MANY_PEERS`
 */
export function checkConfiguration(
  change: EngineChange,
  current: CurrentConfiguration,
): CheckedChange {
  checkObject(change, 'change', CHANGE_FIELDS);
  const { privateKey, nextPrivateKey, replacePeers, peers: given = [] } = change;
  checkPrivateKey(privateKey, 'privateKey');
  checkPrivateKey(nextPrivateKey, 'nextPrivateKey');
  checkBoolean(replacePeers, 'replacePeers');
  checkArray(given, 'peers');
  const peers: CheckedPeer[] = [];
  for (let i = 0; i < given.length; i++) peers.push(readPeerChange(given[i], i));
  const checked = { privateKey, nextPrivateKey, replacePeers: replacePeers === true, peers };
  checkAgainst(checked, current);
  return checked;
}

/**
 * Checks whether this engine can apply a change. The fields of the change must have been checked.
 *
 * @throws {RangeError} there would be a next private key without a private key
 * @throws {WireGuardError} `ERR_LITZ_TOO_MANY_PEERS`
 */
export function checkAgainst(change: CheckedChange, current: CurrentConfiguration): void {
  const { privateKey, nextPrivateKey } = change;
  if (isKey(nextPrivateKey) && !hasKeyAfter(privateKey, current)) {
    throw new RangeError(
      '"nextPrivateKey" expected a device with a private key: set "privateKey" first',
    );
  }
  checkPeerCount(change, current.peers);
}

/**
 * Checks the change of one peer and turns text into typed values, except for secrets. No bytes are
 * copied. If no field was text, apart from secrets, the result is the caller's own object.
 *
 * @param index the index of the peer in `peers`, for the name of the field in an error
 * @throws {TypeError | RangeError | WireGuardError} a field is wrong, or its name is unknown
 */
export function readPeerChange(peer: PeerChange, index: number): CheckedPeer {
  // The full name of a field is built only for an error, because there may be a million peers.
  try {
    checkObject(peer, '', PEER_FIELDS);
    const publicKey = readPublicKey(peer.publicKey, 'publicKey');
    checkPresharedKey(peer.presharedKey, 'presharedKey');
    checkBoolean(peer.remove, 'remove');
    checkBoolean(peer.updateOnly, 'updateOnly');
    checkBoolean(peer.replaceAllowedIps, 'replaceAllowedIps');
    checkBoolean(peer.promotePublicKey, 'promotePublicKey');
    const nextPublicKey = readNextPublicKey(peer.nextPublicKey);
    checkInteger(peer.persistentKeepalive, 'persistentKeepalive', 0, 0xffff);
    checkEndpointName(peer.endpointName, 'endpointName');
    const endpoint =
      peer.endpoint === undefined ? undefined : readEndpoint(peer.endpoint, 'endpoint');
    const allowedIps = peer.allowedIps === undefined ? undefined : readAllowedIps(peer.allowedIps);
    const isTyped =
      publicKey === peer.publicKey &&
      nextPublicKey === peer.nextPublicKey &&
      endpoint === peer.endpoint &&
      allowedIps === peer.allowedIps;
    if (isTyped) return peer as CheckedPeer;
    return {
      ...peer,
      publicKey,
      ...(nextPublicKey !== undefined && { nextPublicKey }),
      ...(endpoint && { endpoint }),
      ...(allowedIps && { allowedIps }),
    } as CheckedPeer;
  } catch (error) {
    throw withinField(error, `peers[${index}]`);
  }
}

function hasKeyAfter(
  privateKey: EngineChange['privateKey'],
  current: CurrentConfiguration,
): boolean {
  return privateKey === undefined ? current.identity !== undefined : isKey(privateKey);
}

/** Returns whether the value is a key. The value must have been checked. */
function isKey(value: EngineChange['privateKey']): boolean {
  return value !== undefined && value !== null;
}

/** Returns null for null and for all zeros, which both mean "no next key". */
function readNextPublicKey(given: PeerChange['nextPublicKey']): PublicKey | null | undefined {
  if (given === undefined || given === null) return given;
  const key = readPublicKey(given, 'nextPublicKey');
  return isZeroKey(key) ? null : key;
}

/** Returns the same array if it contains no text. */
function readAllowedIps(given: readonly (string | AllowedIp)[]): readonly AllowedIp[] {
  checkArray(given, 'allowedIps');
  let read: AllowedIp[] | undefined;
  for (let i = 0; i < given.length; i++) {
    const entry = readAllowedIp(given[i], 'allowedIps', i);
    if (read) read.push(entry);
    else if (entry !== given[i]) read = [...(given.slice(0, i) as AllowedIp[]), entry];
  }
  return read ?? (given as readonly AllowedIp[]);
}

/**
 * Throws if there would be too many peers at any point of the change. The ids are counted one by
 * one only if the limit could be reached.
 */
function checkPeerCount(change: CheckedChange, current: PeerTable): void {
  if (current.size + change.peers.length <= MAX_PEERS) return;
  const after = new Set(change.replacePeers ? [] : [...current.values()].map(({ id }) => id));
  for (const { publicKey, remove, updateOnly } of change.peers) {
    const key = keyId(publicKey);
    const id = current.get(key)?.id ?? key;
    if (remove === true) after.delete(id);
    else if (updateOnly !== true) after.add(id);
    if (after.size > MAX_PEERS) {
      throw new WireGuardError(
        'ERR_LITZ_TOO_MANY_PEERS',
        `"peers" expected at most ${MAX_PEERS} peers in all`,
      );
    }
  }
}

const CHANGE_FIELDS = ['privateKey', 'nextPrivateKey', 'replacePeers', 'peers'];
const PEER_FIELDS = [
  'publicKey',
  'nextPublicKey',
  'promotePublicKey',
  'presharedKey',
  'endpoint',
  'endpointName',
  'allowedIps',
  'persistentKeepalive',
  'replaceAllowedIps',
  'updateOnly',
  'remove',
];
