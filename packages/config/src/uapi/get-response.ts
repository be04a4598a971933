/**
 * Formats the answers of the cross-platform userspace protocol: the status of a device, or only an
 * errno. `parse-response.ts` parses them.
 *
 * @module
 */
import { formatCidr, formatEndpoint } from '@litz/core';
import {
  checkArray,
  checkEndpointName,
  checkObject,
  KEY_LENGTH,
  MAX_UINT16,
  MAX_UINT32,
  readAllowedIps,
  readEndpoint,
  readField,
  requireInteger,
  toByteText,
  withinField,
} from '@litz/core/internals';
import type { DeviceDetails, DevicePeerStatus, DeviceStatus } from '../device-configuration.ts';
import { keyToHex } from '../text/hex-key.ts';

/** Extensions of the protocol that a client can ask for. */
export interface GetOptions {
  /**
   * `litz_keys=true`: the answer has the next keys of device and peers, and the static keys with
   * which the sessions were made. Without this line in the request, the answer has none of these
   * keys. The line also adds the names of endpoints, as `stats` does.
   */
  readonly keys?: boolean;
  /**
   * `litz_stats=true`: the answer has the `details` of the device, and for each peer the drops, the
   * unanswered initiations, the number of messages and the round trip of the last handshake.
   * Without this line in the request, the answer has none of these values. The line also adds the
   * names of endpoints, as `keys` does.
   */
  readonly stats?: boolean;
}

/**
 * Returns the answer to `get=1`, with `errno=0` and the empty line at its end.
 *
 * @throws {TypeError | RangeError | WireGuardError} a field has a wrong type or is out of range;
 *   the message names it
 */
export function formatGetResponse(status: DeviceStatus, options: GetOptions = {}): string {
  checkObject(status, 'status');
  const { peers } = status;
  return formatGetDevice(status, options) + formatGetPeers(peers, options) + formatErrnoResponse(0);
}

/**
 * Returns the first part of the answer to `get=1`, about the device itself.
 *
 * @throws {TypeError | RangeError | WireGuardError} a field has a wrong type or is out of range;
 *   the message names it
 */
export function formatGetDevice(
  status: Omit<DeviceStatus, 'peers'>,
  options: GetOptions = {},
): string {
  checkObject(status, 'status');
  const { privateKey, nextPrivateKey, listenPort, fwmark } = status;
  requireInteger(listenPort, 'listenPort', 0, MAX_UINT16);
  requireInteger(fwmark, 'fwmark', 0, MAX_UINT32);
  const lines: string[] = [];
  if (privateKey !== undefined) lines.push(`private_key=${keyText(privateKey, 'privateKey')}`);
  if (options.keys === true && nextPrivateKey !== undefined) {
    lines.push(`litz_next_private_key=${keyText(nextPrivateKey, 'nextPrivateKey')}`);
  }
  if (listenPort !== 0) lines.push(`listen_port=${listenPort}`);
  if (fwmark !== 0) lines.push(`fwmark=${fwmark}`);
  if (options.stats === true && status.details) formatDetails(lines, status.details);
  return toText(lines);
}

/**
 * Returns the next part of the answer to `get=1`, about these peers. An answer can be sent a few
 * peers at a time.
 *
 * @throws {TypeError | RangeError | WireGuardError} a field has a wrong type or is out of range;
 *   the message names it
 */
export function formatGetPeers(
  peers: readonly DevicePeerStatus[],
  options: GetOptions = {},
): string {
  checkArray(peers, 'peers');
  const lines: string[] = [];
  for (let i = 0; i < peers.length; i++) {
    // The name of the field is composed only for an error, because there may be a million peers.
    try {
      formatPeer(lines, peers[i]!);
      if (options.keys === true || options.stats === true) formatName(lines, peers[i]!);
      if (options.keys === true) formatKeys(lines, peers[i]!);
      if (options.stats === true) formatPeerStats(lines, peers[i]!);
    } catch (error) {
      throw withinField(error, `peers[${i}]`);
    }
  }
  return toText(lines);
}

/**
 * Returns the answer to `set=1`, or to a request that failed. `errno` is 0 or a number of
 * `UAPI_ERRNO`.
 */
export function formatErrnoResponse(errno: number): string {
  requireInteger(errno, 'errno', -0x7fff_ffff, 0x7fff_ffff);
  return `errno=${errno}\n\n`;
}

function toText(lines: string[]): string {
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Returns a key in hexadecimal. An error names the field. */
function keyText(key: Uint8Array, field: KeyField): string {
  // Usually the key has the right length. Then no function is allocated for `readField`.
  if (key instanceof Uint8Array && key.length === KEY_LENGTH) return keyToHex(key);
  return readField(field, () => keyToHex(key));
}

type KeyField =
  | 'privateKey'
  | 'nextPrivateKey'
  | 'publicKey'
  | 'nextPublicKey'
  | 'presharedKey'
  | 'sessionStaticKeys.own'
  | 'sessionStaticKeys.peer';

function formatPeer(lines: string[], peer: DevicePeerStatus): void {
  checkObject(peer, '');
  requireInteger(peer.persistentKeepalive, 'persistentKeepalive', 0, MAX_UINT16);
  for (const field of COUNTS) requireInteger(peer[field], field, 0, Number.MAX_SAFE_INTEGER);
  const isTime = Number.isFinite(peer.lastHandshakeUnixMs) && peer.lastHandshakeUnixMs >= 0;
  if (!isTime) requireInteger(peer.lastHandshakeUnixMs, 'lastHandshakeUnixMs', 0, MAX_TIME_MS);
  const allowedIps = readAllowedIps(peer.allowedIps, 'allowedIps');
  const seconds = Math.floor(peer.lastHandshakeUnixMs / 1000);
  const nanoseconds = Math.round((peer.lastHandshakeUnixMs - seconds * 1000) * 1e6);
  lines.push(
    `public_key=${keyText(peer.publicKey, 'publicKey')}`,
    `preshared_key=${peer.presharedKey !== undefined ? keyText(peer.presharedKey, 'presharedKey') : NO_KEY}`,
    'protocol_version=1',
  );
  if (peer.endpoint !== undefined) {
    lines.push(`endpoint=${formatEndpoint(readEndpoint(peer.endpoint, 'endpoint'))}`);
  }
  lines.push(
    // This is Unix time. `wg` computes how long ago the handshake was.
    `last_handshake_time_sec=${seconds}`,
    `last_handshake_time_nsec=${Math.min(nanoseconds, 999_999_999)}`,
    `tx_bytes=${peer.sentBytes}`,
    `rx_bytes=${peer.receivedBytes}`,
    `persistent_keepalive_interval=${peer.persistentKeepalive}`,
  );
  for (const entry of allowedIps) lines.push(`allowed_ip=${formatCidr(entry)}`);
}

function formatName(lines: string[], { endpointName }: DevicePeerStatus): void {
  if (endpointName === undefined) return;
  checkEndpointName(endpointName, 'endpointName');
  lines.push(`litz_endpoint_name=${toByteText(endpointName)}`);
}

function formatKeys(lines: string[], { nextPublicKey, sessionStaticKeys }: DevicePeerStatus): void {
  if (nextPublicKey !== undefined) {
    lines.push(`litz_next_public_key=${keyText(nextPublicKey, 'nextPublicKey')}`);
  }
  if (sessionStaticKeys === undefined) return;
  lines.push(
    `litz_session_own_key=${keyText(sessionStaticKeys.own, 'sessionStaticKeys.own')}`,
    `litz_session_peer_key=${keyText(sessionStaticKeys.peer, 'sessionStaticKeys.peer')}`,
  );
}

function formatDetails(lines: string[], details: DeviceDetails): void {
  const { provider, providerReason, offloads, threads, priority, drops } = details;
  requireInteger(threads, 'details.threads', 0, MAX_UINT16);
  lines.push(`litz_provider=${oneLine(provider)}`);
  lines.push(`litz_provider_reason=${oneLine(providerReason)}`);
  for (const name of offloads) lines.push(`litz_offload=${oneLine(name)}`);
  lines.push(`litz_threads=${threads}`);
  lines.push(`litz_priority=${oneLine(priority)}`);
  formatDrops(lines, drops);
}

function formatPeerStats(lines: string[], peer: DevicePeerStatus): void {
  const { drops = {}, unansweredInitiations = 0 } = peer;
  requireInteger(unansweredInitiations, 'unansweredInitiations', 0, Number.MAX_SAFE_INTEGER);
  if (unansweredInitiations > 0) {
    lines.push(`litz_unanswered_initiations=${unansweredInitiations}`);
  }
  formatCount(lines, 'litz_sent_messages', peer.sentMessages);
  formatCount(lines, 'litz_received_messages', peer.receivedMessages);
  const { roundTripMs } = peer;
  if (roundTripMs !== undefined) {
    formatCount(lines, 'litz_round_trip_us', Math.round(roundTripMs * 1000));
  }
  formatDrops(lines, drops);
}

function formatCount(lines: string[], key: string, count: number | undefined): void {
  if (count === undefined) return;
  requireInteger(count, key, 0, Number.MAX_SAFE_INTEGER);
  lines.push(`${key}=${count}`);
}

/** Adds lines such as `litz_drop=bad-mac1 7`. */
function formatDrops(lines: string[], drops: DeviceDetails['drops']): void {
  for (const [reason, count] of Object.entries(drops)) {
    requireInteger(count, 'drops', 0, Number.MAX_SAFE_INTEGER);
    lines.push(`litz_drop=${oneLine(reason)} ${count}`);
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/[\n\r]+/g, ' ');
}

const COUNTS = ['sentBytes', 'receivedBytes'] as const;
const MAX_TIME_MS: number = Number.MAX_SAFE_INTEGER;
const NO_KEY: string = '0'.repeat(64);
