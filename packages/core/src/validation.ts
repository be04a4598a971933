/**
 * Checks a configuration whole, before any of it takes effect.
 *
 * @module
 */
import type { AllowedIp, EngineChange, PeerChange } from './configuration.ts';
import { MAX_PEERS } from './constants.ts';
import { wipe } from './crypto/wipe.ts';
import type { Endpoint } from './endpoint.ts';
import { WireGuardError } from './errors.ts';
import { checkArray, checkBoolean, checkInteger, checkObject, withinField } from './field.ts';
import { isZeroKey, keyId, type PrivateKey, type PublicKey } from './keys.ts';
import type { PeerTable } from './peer/peer-table.ts';
import {
  checkPresharedKey,
  checkPrivateKey,
  readAllowedIp,
  readEndpoint,
  readPrivateKey,
  readPublicKey,
} from './values.ts';

/** A change that is right. */
export interface CheckedChange {
  /** Text or bytes, the caller's: copied when the change takes effect, like all secrets. */
  readonly privateKey: string | PrivateKey | null | undefined;
  readonly nextPrivateKey: string | PrivateKey | null | undefined;
  readonly replacePeers: boolean;
  readonly peers: readonly CheckedPeer[];
  /** `keyId` of each of `peers`. */
  readonly ids: readonly string[];
}

/** The caller's own object if there is no text in it but that of a secret. */
export interface CheckedPeer extends Omit<
  PeerChange,
  'publicKey' | 'nextPublicKey' | 'endpoint' | 'allowedIps'
> {
  readonly publicKey: PublicKey;
  readonly nextPublicKey?: PublicKey | null;
  readonly endpoint?: Endpoint;
  readonly allowedIps?: readonly AllowedIp[];
}

/** What the engine has: an `EngineState`. */
export interface Known {
  readonly peers: PeerTable;
  readonly identity: object | undefined;
}

/**
 * @param known what the engine has
 * @throws {TypeError | RangeError} a field of the wrong type or range, by its name
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`, `ERR_LITZ_TOO_MANY_PEERS`
 */
export function checkConfiguration(change: EngineChange, known: Known): CheckedChange {
  checkObject(change, 'change');
  const { privateKey, nextPrivateKey, replacePeers, peers: given = [] } = change;
  checkPrivateKey(privateKey, 'privateKey');
  checkPrivateKey(nextPrivateKey, 'nextPrivateKey');
  if (isKey(nextPrivateKey) && !hasKeyAfter(privateKey, known)) {
    throw new RangeError('"nextPrivateKey" expected a device that has a private key');
  }
  checkBoolean(replacePeers, 'replacePeers');
  checkArray(given, 'peers');
  const peers: CheckedPeer[] = [];
  const ids: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const peer = checkPeer(given[i], i);
    peers.push(peer);
    ids.push(keyId(peer.publicKey));
  }
  const checked = {
    privateKey,
    nextPrivateKey,
    replacePeers: replacePeers === true,
    peers,
    ids,
  };
  checkPeerCount(checked, known.peers);
  return checked;
}

function hasKeyAfter(privateKey: EngineChange['privateKey'], known: Known): boolean {
  return privateKey === undefined ? known.identity !== undefined : isKey(privateKey);
}

/** Not null, and not all zeros. */
function isKey(value: EngineChange['privateKey']): boolean {
  if (value === undefined) return false;
  const key = readPrivateKey(value, 'privateKey');
  wipe(key);
  return key !== undefined;
}

function checkPeer(peer: PeerChange, index: number): CheckedPeer {
  if (typeof peer !== 'object' || peer === null) checkObject(peer, `peers[${index}]`);
  // Names are put together only on the way to an error: there may be a million peers.
  try {
    const publicKey = readPublicKey(peer.publicKey, 'publicKey');
    checkPresharedKey(peer.presharedKey, 'presharedKey');
    checkBoolean(peer.remove, 'remove');
    checkBoolean(peer.updateOnly, 'updateOnly');
    checkBoolean(peer.replaceAllowedIps, 'replaceAllowedIps');
    checkBoolean(peer.promotePublicKey, 'promotePublicKey');
    const nextPublicKey = readNextPublicKey(peer.nextPublicKey);
    checkInteger(peer.persistentKeepalive, 'persistentKeepalive', 0, 0xffff);
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

/** null for none, which all zeros are too. */
function readNextPublicKey(given: PeerChange['nextPublicKey']): PublicKey | null | undefined {
  if (given === undefined || given === null) return given;
  const key = readPublicKey(given, 'nextPublicKey');
  return isZeroKey(key) ? null : key;
}

/** The list itself if there is no text in it. */
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

/** Plays the change through on the ids alone, if it could be too much at all. */
function checkPeerCount(change: CheckedChange, known: PeerTable): void {
  const { ids } = change;
  if (known.size + ids.length <= MAX_PEERS) return;
  const after = new Set(change.replacePeers ? [] : [...known.values()].map(({ id }) => id));
  ids.forEach((key, i) => {
    const peer = change.peers[i];
    const id = known.get(key)?.id ?? key;
    if (peer.remove === true) after.delete(id);
    else if (peer.updateOnly !== true) after.add(id);
    if (after.size > MAX_PEERS) {
      throw new WireGuardError(
        'ERR_LITZ_TOO_MANY_PEERS',
        `"peers" expected at most ${MAX_PEERS} peers in all`,
      );
    }
  });
}
