/**
 * Checks a configuration whole, before any of it takes effect.
 *
 * @module
 */
import type { AllowedIp, EngineChange, PeerChange } from './configuration.ts';
import { MAX_PEERS } from './constants.ts';
import type { Endpoint } from './endpoint.ts';
import { WireGuardError } from './errors.ts';
import { checkArray, checkBoolean, checkInteger, checkObject, withinField } from './field.ts';
import { keyId, type PrivateKey, type PublicKey } from './keys.ts';
import {
  checkPresharedKey,
  checkPrivateKey,
  readAllowedIp,
  readEndpoint,
  readPublicKey,
} from './values.ts';

/** A change that is right. */
export interface CheckedChange {
  /** Text or bytes, the caller's: copied when the change takes effect, like all secrets. */
  readonly privateKey: string | PrivateKey | null | undefined;
  readonly replacePeers: boolean;
  readonly peers: readonly CheckedPeer[];
  /** `keyId` of each of `peers`. */
  readonly ids: readonly string[];
}

/** The caller's own object if there is no text in it but that of a secret. */
export interface CheckedPeer extends Omit<PeerChange, 'publicKey' | 'endpoint' | 'allowedIps'> {
  readonly publicKey: PublicKey;
  readonly endpoint?: Endpoint;
  readonly allowedIps?: readonly AllowedIp[];
}

/**
 * @param known ids of the peers that the engine has
 * @throws {TypeError | RangeError} a field of the wrong type or range, by its name
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`, `ERR_LITZ_TOO_MANY_PEERS`
 */
export function checkConfiguration(
  change: EngineChange,
  known: ReadonlyMap<string, unknown>,
): CheckedChange {
  checkObject(change, 'change');
  const { privateKey, replacePeers, peers: given = [] } = change;
  checkPrivateKey(privateKey, 'privateKey');
  checkBoolean(replacePeers, 'replacePeers');
  checkArray(given, 'peers');
  const peers: CheckedPeer[] = [];
  const ids: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const peer = checkPeer(given[i], i);
    peers.push(peer);
    ids.push(keyId(peer.publicKey));
  }
  const checked = { privateKey, replacePeers: replacePeers === true, peers, ids };
  checkPeerCount(checked, known);
  return checked;
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
    checkInteger(peer.persistentKeepalive, 'persistentKeepalive', 0, 0xffff);
    const endpoint =
      peer.endpoint === undefined ? undefined : readEndpoint(peer.endpoint, 'endpoint');
    const allowedIps = peer.allowedIps === undefined ? undefined : readAllowedIps(peer.allowedIps);
    const isTyped =
      publicKey === peer.publicKey && endpoint === peer.endpoint && allowedIps === peer.allowedIps;
    if (isTyped) return peer as CheckedPeer;
    return {
      ...peer,
      publicKey,
      ...(endpoint && { endpoint }),
      ...(allowedIps && { allowedIps }),
    } as CheckedPeer;
  } catch (error) {
    throw withinField(error, `peers[${index}]`);
  }
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
function checkPeerCount(change: CheckedChange, known: ReadonlyMap<string, unknown>): void {
  const { ids } = change;
  if (known.size + ids.length <= MAX_PEERS) return;
  const after = new Set(change.replacePeers ? [] : known.keys());
  ids.forEach((id, i) => {
    const peer = change.peers[i];
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
