/**
 * Parses and formats a `set=1` request of the cross-platform userspace protocol.
 *
 * ```
 * private_key=...            about the device, until the first public_key
 * listen_port=51820
 * public_key=...             begins a peer; the lines after it are about this peer
 * replace_allowed_ips=true
 * allowed_ip=10.0.0.0/24
 * ```
 *
 * Besides the lines of the protocol there are lines of Litz: `litz_next_private_key` for the
 * device, and `litz_next_public_key`, `litz_promote_public_key=true` and
 * `litz_endpoint_name=HOST:PORT` for a peer. A key of zeros or an empty value removes a next key.
 * An empty value removes the name of the endpoint.
 *
 * The whole request is parsed before any of it takes effect. https://www.wireguard.com/xplatform/
 *
 * @module
 */
import {
  Endpoint,
  formatCidr,
  formatEndpoint,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  type AllowedIp,
  type PeerConfiguration,
} from '@litz/core';
import {
  requireText,
  isZeroKey,
  KEY_LENGTH,
  MAX_UINT16,
  MAX_UINT32,
  parseUnsigned,
  quote,
  toByteText,
  tryParseCidr,
  tryParseEndpoint,
  wipe,
} from '@litz/core/internals';
import { readDeviceParts, wipeSecrets, type DeviceChange } from '../device-change.ts';
import type { DeviceConfiguration } from '../device-configuration.ts';
import { keyFromHex, keyToHex } from '../text/hex-key.ts';
import { readEndpointName } from './endpoint-name.ts';
import { UAPI_ERRNO, UapiError } from './uapi-error.ts';

/**
 * Parses a request.
 *
 * @example
 *
 * ```ts
 * import { parseSetRequest } from '@litz/config';
 *
 * const { listenPort } = parseSetRequest('listen_port=51820\nreplace_peers=true\n');
 * console.log(listenPort); //=> 51820
 * ```
 *
 * @param body the lines after `set=1`; an empty line ends them
 * @throws {UapiError} `EINVAL` or `EPROTO`, with the number of the line; the error never contains
 *   key bytes
 */
export function parseSetRequest(body: string): DeviceConfiguration {
  requireText(body, 'body');
  const device: DeviceConfiguration = {};
  const peers: ParsedPeer[] = [];
  try {
    readLines(body, (text, line) => readLine(device, peers, text, line));
  } catch (error) {
    wipeSecrets({ ...device, peers });
    throw error;
  }
  if (peers.length > 0) device.peers = peers;
  return device;
}

/**
 * Returns the request with its line `set=1` and the empty line at its end. All fields are checked.
 *
 * @example
 *
 * ```ts
 * import { formatSetRequest } from '@litz/config';
 *
 * const request = formatSetRequest({ listenPort: 51820 });
 * console.log(request.split('\n')[1]); //=> listen_port=51820
 * ```
 *
 * @throws {TypeError | RangeError} a field has a wrong type or is out of range; the message names
 *   it
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`, `ERR_LITZ_INVALID_ENDPOINT`,
 *   `ERR_LITZ_INVALID_CIDR`
 */
export function formatSetRequest(change: DeviceChange): string {
  let text = 'set=1\n';
  for (const part of readDeviceParts(change)) {
    text += formatPart(part)
      .map((line) => `${line}\n`)
      .join('');
  }
  return `${text}\n`;
}

function formatPart(configuration: DeviceConfiguration): string[] {
  const { privateKey, nextPrivateKey, listenPort, fwmark } = configuration;
  const { replacePeers, peers = [] } = configuration;
  const lines: string[] = [];
  if (privateKey !== undefined) lines.push(`private_key=${keyText(privateKey)}`);
  if (nextPrivateKey !== undefined) {
    lines.push(`litz_next_private_key=${keyText(nextPrivateKey)}`);
  }
  if (listenPort !== undefined) lines.push(`listen_port=${listenPort}`);
  if (fwmark !== undefined) lines.push(`fwmark=${fwmark}`);
  if (replacePeers === true) lines.push('replace_peers=true');
  for (const peer of peers) formatPeer(lines, peer);
  return lines;
}

function formatPeer(lines: string[], peer: PeerConfiguration): void {
  lines.push(`public_key=${keyToHex(peer.publicKey)}`);
  if (peer.remove === true) lines.push('remove=true');
  if (peer.updateOnly === true) lines.push('update_only=true');
  if (peer.nextPublicKey !== undefined) {
    lines.push(`litz_next_public_key=${keyText(peer.nextPublicKey)}`);
  }
  if (peer.promotePublicKey === true) lines.push('litz_promote_public_key=true');
  if (peer.presharedKey !== undefined) lines.push(`preshared_key=${keyText(peer.presharedKey)}`);
  if (peer.endpoint) lines.push(`endpoint=${formatEndpoint(peer.endpoint)}`);
  if (peer.endpointName !== undefined) {
    lines.push(`litz_endpoint_name=${toByteText(peer.endpointName)}`);
  }
  if (peer.persistentKeepalive !== undefined) {
    lines.push(`persistent_keepalive_interval=${peer.persistentKeepalive}`);
  }
  if (peer.replaceAllowedIps === true) lines.push('replace_allowed_ips=true');
  for (const entry of peer.allowedIps ?? []) {
    lines.push(`allowed_ip=${entry.remove === true ? '-' : ''}${formatCidr(entry)}`);
  }
}

function keyText(key: Uint8Array | null): string {
  return key === null ? '0'.repeat(64) : keyToHex(key);
}

type ParsedPeer = PeerConfiguration & { allowedIps?: AllowedIp[] };

function readLine(
  device: DeviceConfiguration,
  peers: ParsedPeer[],
  text: string,
  line: number,
): void {
  const equals = text.indexOf('=');
  if (equals === -1) {
    throw new UapiError(UAPI_ERRNO.EPROTO, `line ${line}: expected KEY=VALUE`, { line });
  }
  const key = text.slice(0, equals);
  const value = text.slice(equals + 1);
  const peer = peers.at(-1);
  const expected =
    key === 'public_key'
      ? readPublicKey(peers, value)
      : peer
        ? readPeerLine(peer, key, value)
        : readDeviceLine(device, key, value);
  if (expected === undefined) return;
  throw new UapiError(UAPI_ERRNO.EINVAL, `line ${line}: ${expected}`, { line });
}

/** Reads lines up to an empty line. Lines are numbered from 1. */
function readLines(body: string, read: (text: string, line: number) => void): void {
  let at = 0;
  for (let line = 1; at < body.length; line++) {
    const end = body.indexOf('\n', at);
    const text = body.slice(at, end === -1 ? body.length : end);
    if (text === '') return;
    at = end === -1 ? body.length : end + 1;
    read(text, line);
  }
}

/**
 * This function and the next two return undefined if the value is right. If the value is wrong,
 * they return a text that says what was expected.
 */
function readPublicKey(peers: ParsedPeer[], value: string): string | undefined {
  const key = keyFromHex(value);
  if (!key) return `public_key: ${EXPECTED_KEY}`;
  peers.push({ publicKey: parsePublicKey(key) });
  return undefined;
}

function readDeviceLine(
  device: DeviceConfiguration,
  key: string,
  value: string,
): string | undefined {
  switch (key) {
    case 'private_key': {
      const bytes = keyFromHex(value);
      if (!bytes) return `private_key: ${EXPECTED_KEY}`;
      device.privateKey = isZeroKey(bytes) ? null : parsePrivateKey(bytes);
      wipe(bytes);
      return undefined;
    }
    case 'litz_next_private_key': {
      const bytes = keyOrNone(value);
      if (!bytes) return `litz_next_private_key: ${EXPECTED_KEY}`;
      device.nextPrivateKey = isZeroKey(bytes) ? null : parsePrivateKey(bytes);
      wipe(bytes);
      return undefined;
    }
    case 'listen_port': {
      const port = parseUnsigned(value, MAX_UINT16);
      if (port === undefined) return `listen_port: expected 0 to 65535, got ${quote(value)}`;
      device.listenPort = port;
      return undefined;
    }
    case 'fwmark': {
      const mark = parseUnsigned(value, MAX_UINT32);
      if (mark === undefined) return `fwmark: expected 0 to 4294967295, got ${quote(value)}`;
      device.fwmark = mark;
      return undefined;
    }
    case 'replace_peers':
      if (value !== 'true') return onlyTrue(key, value);
      device.replacePeers = true;
      return undefined;
    default:
      return `${quote(key)} is not a key of a device`;
  }
}

function readPeerLine(peer: ParsedPeer, key: string, value: string): string | undefined {
  switch (key) {
    case 'remove':
    case 'update_only':
    case 'replace_allowed_ips':
    case 'litz_promote_public_key':
      if (value !== 'true') return onlyTrue(key, value);
      setFlag(peer, key);
      return undefined;
    case 'litz_next_public_key': {
      const bytes = keyOrNone(value);
      if (!bytes) return `litz_next_public_key: ${EXPECTED_KEY}`;
      peer.nextPublicKey = isZeroKey(bytes) ? null : parsePublicKey(bytes);
      return undefined;
    }
    case 'preshared_key': {
      const bytes = keyFromHex(value);
      if (!bytes) return `preshared_key: ${EXPECTED_KEY}`;
      peer.presharedKey = isZeroKey(bytes) ? null : parsePresharedKey(bytes);
      wipe(bytes);
      return undefined;
    }
    case 'endpoint': {
      // Only an address is accepted, because a client of this protocol must resolve host names
      // itself.
      const endpoint = tryParseEndpoint(value);
      if (!(endpoint instanceof Endpoint)) return `endpoint: expected IP:PORT, got ${quote(value)}`;
      peer.endpoint = endpoint;
      return undefined;
    }
    case 'litz_endpoint_name': {
      const name = readEndpointName(value);
      if (name === undefined) return `${key}: expected HOST:PORT, got ${quote(value)}`;
      peer.endpointName = name;
      return undefined;
    }
    case 'persistent_keepalive_interval': {
      const seconds = parseUnsigned(value, MAX_UINT16);
      if (seconds === undefined) return `${key}: expected 0 to 65535, got ${quote(value)}`;
      peer.persistentKeepalive = seconds;
      return undefined;
    }
    case 'allowed_ip':
      return readAllowedIp(peer, value);
    case 'protocol_version':
      return value === '1' ? undefined : `protocol_version: expected 1, got ${quote(value)}`;
    default:
      return `${quote(key)} is not a key of a peer`;
  }
}

type Flag = 'remove' | 'update_only' | 'replace_allowed_ips' | 'litz_promote_public_key';

function setFlag(peer: ParsedPeer, key: Flag): void {
  if (key === 'remove') peer.remove = true;
  else if (key === 'update_only') peer.updateOnly = true;
  else if (key === 'litz_promote_public_key') peer.promotePublicKey = true;
  else {
    peer.replaceAllowedIps = true;
    // Lines take effect in their order, so this line also removes the allowed IPs of the lines
    // before it.
    peer.allowedIps = [];
  }
}

function readAllowedIp(peer: ParsedPeer, value: string): string | undefined {
  const remove = value.startsWith('-');
  const text = remove ? value.slice(1) : value;
  const cidr = text.includes('/') ? tryParseCidr(text) : undefined;
  if (!cidr) return `allowed_ip: expected an address with prefix length, got ${quote(value)}`;
  peer.allowedIps ??= [];
  peer.allowedIps.push(remove ? { ...cidr, remove } : cidr);
  return undefined;
}

/**
 * Returns the key; undefined if the value is not a key. An empty value gives zeros, which mean that
 * there is no key.
 */
function keyOrNone(value: string): Uint8Array | undefined {
  return value === '' ? new Uint8Array(KEY_LENGTH) : keyFromHex(value);
}

function onlyTrue(key: string, value: string): string {
  return `${key}: expected true, got ${quote(value)}`;
}

const EXPECTED_KEY = 'expected a key of 64 hexadecimal digits';
