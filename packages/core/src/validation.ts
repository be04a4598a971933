/**
 * Checks a configuration whole, before any of it takes effect.
 *
 * @module
 */
import type { AllowedIp, EngineConfiguration, PeerConfiguration } from './configuration.ts';
import { KEY_LENGTH, MAX_PEERS } from './constants.ts';
import { Endpoint } from './endpoint.ts';
import { WireGuardError } from './errors.ts';
import { keyId } from './keys.ts';

/**
 * @param known ids of the peers that the engine has
 * @returns the id of each of `change.peers`
 * @throws {TypeError | RangeError} a field of the wrong type, length or range, by its name
 * @throws {WireGuardError} `ERR_LITZ_TOO_MANY_PEERS`
 */
export function checkConfiguration(
  change: EngineConfiguration,
  known: ReadonlyMap<string, unknown>,
): string[] {
  if (typeof change !== 'object' || change === null) {
    throw new TypeError(`"change" expected an object, got ${typeName(change)}`);
  }
  if (change.privateKey !== undefined && change.privateKey !== null) {
    checkKey(change.privateKey, 'privateKey');
  }
  checkFlag(change.replacePeers, 'replacePeers');
  const peers = change.peers ?? [];
  if (!Array.isArray(peers)) {
    throw new TypeError(`"peers" expected an array, got ${typeName(peers)}`);
  }
  const ids: string[] = [];
  for (let i = 0; i < peers.length; i++) {
    checkPeer(peers[i], i);
    ids.push(keyId(peers[i].publicKey));
  }
  checkPeerCount(change, ids, known);
  return ids;
}

function checkPeer(peer: PeerConfiguration, index: number): void {
  if (typeof peer !== 'object' || peer === null) {
    throw new TypeError(`"peers[${index}]" expected an object, got ${typeName(peer)}`);
  }
  // Names are put together only on the way to an error: there may be a million peers.
  try {
    checkKey(peer.publicKey, 'publicKey');
    if (peer.presharedKey !== undefined && peer.presharedKey !== null) {
      checkKey(peer.presharedKey, 'presharedKey');
    }
    checkFlag(peer.remove, 'remove');
    checkFlag(peer.updateOnly, 'updateOnly');
    checkFlag(peer.replaceAllowedIps, 'replaceAllowedIps');
    if (peer.endpoint !== undefined && !(peer.endpoint instanceof Endpoint)) {
      throw new TypeError(`"endpoint" expected an Endpoint, got ${typeName(peer.endpoint)}`);
    }
    checkKeepalive(peer.persistentKeepalive);
    checkAllowedIps(peer.allowedIps);
  } catch (error) {
    throw atPeer(error, index);
  }
}

function checkKeepalive(seconds: unknown): void {
  if (seconds === undefined) return;
  if (typeof seconds !== 'number') {
    throw new TypeError(`"persistentKeepalive" expected a number, got ${typeName(seconds)}`);
  }
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > 65535) {
    throw new RangeError(`"persistentKeepalive" expected 0 to 65535 seconds, got ${seconds}`);
  }
}

function checkAllowedIps(allowedIps: readonly AllowedIp[] | undefined): void {
  if (allowedIps === undefined) return;
  if (!Array.isArray(allowedIps)) {
    throw new TypeError(`"allowedIps" expected an array, got ${typeName(allowedIps)}`);
  }
  for (const entry of allowedIps as readonly AllowedIp[]) {
    if (typeof entry !== 'object' || entry === null) {
      throw new TypeError(`"allowedIps" expected objects, got ${typeName(entry)}`);
    }
    checkFlag(entry.remove, 'allowedIps.remove');
    const { address, prefixLength } = entry;
    if (!(address instanceof Uint8Array) || (address.length !== 4 && address.length !== 16)) {
      throw new TypeError('"allowedIps.address" expected a Uint8Array of length 4 or 16');
    }
    const bits = address.length * 8;
    if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > bits) {
      throw new RangeError(
        `"allowedIps.prefixLength" expected 0 to ${bits}, got ${String(prefixLength)}`,
      );
    }
  }
}

/** Says nothing of the bytes. */
function checkKey(key: unknown, name: string): void {
  if (!(key instanceof Uint8Array)) {
    throw new TypeError(`"${name}" expected a Uint8Array, got ${typeName(key)}`);
  }
  if (key.length !== KEY_LENGTH) {
    throw new RangeError(`"${name}" expected ${KEY_LENGTH} bytes, got ${key.length}`);
  }
}

function checkFlag(flag: unknown, name: string): void {
  if (flag !== undefined && typeof flag !== 'boolean') {
    throw new TypeError(`"${name}" expected a boolean, got ${typeName(flag)}`);
  }
}

/** Plays the change through on the ids alone, if it could be too much at all. */
function checkPeerCount(
  change: EngineConfiguration,
  ids: readonly string[],
  known: ReadonlyMap<string, unknown>,
): void {
  if (known.size + ids.length <= MAX_PEERS) return;
  const after = new Set(change.replacePeers === true ? [] : known.keys());
  ids.forEach((id, i) => {
    const peer = change.peers?.[i];
    if (peer?.remove === true) after.delete(id);
    else if (peer?.updateOnly !== true) after.add(id);
    if (after.size > MAX_PEERS) {
      throw new WireGuardError(
        'ERR_LITZ_TOO_MANY_PEERS',
        `"peers" expected at most ${MAX_PEERS} peers in all`,
      );
    }
  });
}

function atPeer(error: unknown, index: number): unknown {
  if (error instanceof Error) error.message = `"peers[${index}]": ${error.message}`;
  return error;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
