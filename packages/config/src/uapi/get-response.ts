/**
 * The answers of the cross-platform userspace protocol: a device's state, or only an errno.
 *
 * @module
 */
import { Endpoint, parsePresharedKey, parsePrivateKey, parsePublicKey } from '@litz/core';
import { quote } from '@litz/core/internals';
import type { DevicePeerStatus, DeviceStatus } from '../device-configuration.ts';
import { formatCidr, tryParseCidr } from '../text/cidr.ts';
import { formatEndpoint, tryParseEndpoint } from '../text/endpoint.ts';
import { isZeroKey, keyFromHex, keyToHex } from '../text/hex-key.ts';
import { MAX_UINT16, MAX_UINT32, parseUnsigned } from '../text/unsigned.ts';
import type { SetRequestOptions } from './set-request.ts';
import { UAPI_ERRNO, UapiError } from './uapi-error.ts';

/** The answer to `get=1`, with `errno=0` and the empty line at its end. */
export function formatGetResponse(status: DeviceStatus): string {
  return formatGetDevice(status) + formatGetPeers(status.peers) + formatErrnoResponse(0);
}

/** The beginning of that answer, about the device itself. */
export function formatGetDevice(status: Omit<DeviceStatus, 'peers'>): string {
  const lines: string[] = [];
  if (status.privateKey) lines.push(`private_key=${keyToHex(status.privateKey)}`);
  if (status.listenPort !== 0) lines.push(`listen_port=${status.listenPort}`);
  if (status.fwmark !== 0) lines.push(`fwmark=${status.fwmark}`);
  return toText(lines);
}

/** What follows it about these peers: an answer may be sent a few peers at a time. */
export function formatGetPeers(peers: readonly DevicePeerStatus[]): string {
  const lines: string[] = [];
  for (const peer of peers) formatPeer(lines, peer);
  return toText(lines);
}

/** The answer to `set=1`, and to what fails: 0 or a number of `UAPI_ERRNO`. */
export function formatErrnoResponse(errno: number): string {
  return `errno=${errno}\n\n`;
}

/**
 * What was answered to `get=1`, up to the empty line.
 *
 * @throws {UapiError} the errno that was answered if it is not 0; `EPROTO` for what is no answer
 */
export function parseGetResponse(text: string, options: SetRequestOptions = {}): DeviceStatus {
  const status: DeviceStatus = { listenPort: 0, fwmark: 0, peers: [] };
  let errno: number | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') break;
    const equals = line.indexOf('=');
    const key = line.slice(0, Math.max(equals, 0));
    const value = line.slice(equals + 1);
    const context: Line = { line: index + 1, key, value, options };
    if (key === 'errno') errno = errnoOf(context);
    else readLine(status, context);
  }
  throwIfFailed(errno);
  return status;
}

/**
 * What was answered to `set=1`.
 *
 * @throws {UapiError} the errno that was answered if it is not 0; `EPROTO` for what is no answer
 */
export function parseErrnoResponse(text: string): void {
  const value = /^errno=(-?\d{1,10})\n\n$/.exec(text)?.[1];
  throwIfFailed(value === undefined ? undefined : Number(value));
}

function toText(lines: string[]): string {
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function formatPeer(lines: string[], peer: DevicePeerStatus): void {
  const seconds = Math.floor(peer.lastHandshakeUnixMs / 1000);
  const nanoseconds = Math.round((peer.lastHandshakeUnixMs - seconds * 1000) * 1e6);
  lines.push(
    `public_key=${keyToHex(peer.publicKey)}`,
    `preshared_key=${peer.presharedKey ? keyToHex(peer.presharedKey) : '0'.repeat(64)}`,
    'protocol_version=1',
  );
  if (peer.endpoint) lines.push(`endpoint=${formatEndpoint(peer.endpoint)}`);
  lines.push(
    // Since 1970, not since then: `wg` says how long ago it was.
    `last_handshake_time_sec=${seconds}`,
    `last_handshake_time_nsec=${Math.min(nanoseconds, 999_999_999)}`,
    `tx_bytes=${peer.sentBytes}`,
    `rx_bytes=${peer.receivedBytes}`,
    `persistent_keepalive_interval=${peer.persistentKeepalive}`,
  );
  for (const entry of peer.allowedIps) lines.push(`allowed_ip=${formatCidr(entry)}`);
}

interface Line {
  line: number;
  key: string;
  value: string;
  options: SetRequestOptions;
}

function readLine(status: DeviceStatus, context: Line): void {
  const { key, value } = context;
  const peer = status.peers.at(-1);
  if (key === 'public_key') {
    status.peers.push(newPeer(keyOf(context)));
  } else if (peer) {
    readPeerLine(peer, context);
  } else if (key === 'private_key') {
    const bytes = keyOf(context);
    if (!isZeroKey(bytes)) status.privateKey = parsePrivateKey(bytes);
  } else if (key === 'listen_port') {
    status.listenPort = numberOf(context, MAX_UINT16);
  } else if (key === 'fwmark') {
    status.fwmark = numberOf(context, MAX_UINT32);
  } else if (key === '' || value === '') {
    throw protocolError(context, 'expected KEY=VALUE');
  }
  // A key that we do not know is something newer than us.
}

function newPeer(publicKey: Uint8Array): DevicePeerStatus {
  return {
    publicKey: parsePublicKey(publicKey),
    persistentKeepalive: 0,
    allowedIps: [],
    lastHandshakeUnixMs: 0,
    receivedBytes: 0,
    sentBytes: 0,
  };
}

function readPeerLine(peer: DevicePeerStatus, context: Line): void {
  switch (context.key) {
    case 'preshared_key': {
      const bytes = keyOf(context);
      if (!isZeroKey(bytes)) peer.presharedKey = parsePresharedKey(bytes);
      break;
    }
    case 'endpoint':
      readEndpoint(peer, context);
      break;
    case 'last_handshake_time_sec':
      peer.lastHandshakeUnixMs += numberOf(context, Number.MAX_SAFE_INTEGER / 1000) * 1000;
      break;
    case 'last_handshake_time_nsec':
      peer.lastHandshakeUnixMs += numberOf(context, 999_999_999) / 1e6;
      break;
    case 'tx_bytes':
      peer.sentBytes = numberOf(context, Number.MAX_SAFE_INTEGER);
      break;
    case 'rx_bytes':
      peer.receivedBytes = numberOf(context, Number.MAX_SAFE_INTEGER);
      break;
    case 'persistent_keepalive_interval':
      peer.persistentKeepalive = numberOf(context, MAX_UINT16);
      break;
    case 'allowed_ip': {
      const cidr = tryParseCidr(context.value);
      if (!cidr) throw protocolError(context, 'expected an address with prefix length');
      peer.allowedIps.push(cidr);
      break;
    }
    default:
      if (context.key === '') throw protocolError(context, 'expected KEY=VALUE');
  }
}

/** An address on an interface that is not ours to know is left out: it is no reason to fail. */
function readEndpoint(peer: DevicePeerStatus, context: Line): void {
  const parsed = tryParseEndpoint(context.value);
  if (!parsed) throw protocolError(context, 'expected IP:PORT');
  if (parsed instanceof Endpoint) {
    peer.endpoint = parsed;
    return;
  }
  const [address = '', zone = ''] = parsed.host.split('%');
  const scopeId = context.options.interfaceIndex?.(zone) ?? 0;
  const numbered = tryParseEndpoint(`[${address}%${scopeId}]:${parsed.port}`);
  if (numbered instanceof Endpoint) peer.endpoint = numbered;
}

function keyOf(context: Line): Uint8Array {
  const key = keyFromHex(context.value);
  if (!key) throw protocolError(context, 'expected 64 hexadecimal digits');
  return key;
}

function numberOf(context: Line, max: number): number {
  const value = parseUnsigned(context.value, max);
  if (value !== undefined) return value;
  throw protocolError(context, `expected 0 to ${max}, got ${quote(context.value)}`);
}

function errnoOf(context: Line): number {
  if (/^-?\d{1,10}$/.test(context.value)) return Number(context.value);
  throw protocolError(context, `expected a number, got ${quote(context.value)}`);
}

function throwIfFailed(errno: number | undefined): void {
  if (errno === 0) return;
  if (errno === undefined) {
    throw new UapiError(UAPI_ERRNO.EPROTO, 'the answer ended without an errno');
  }
  throw new UapiError(errno, `the device answered errno ${errno}${nameOf(errno)}`);
}

function nameOf(errno: number): string {
  const found = Object.entries(UAPI_ERRNO).find(([, number]) => number === -Math.abs(errno));
  return found ? ` (${found[0]})` : '';
}

function protocolError({ line, key }: Line, expected: string): UapiError {
  const field = key === '' ? '' : `${key}: `;
  return new UapiError(UAPI_ERRNO.EPROTO, `answer, line ${line}: ${field}${expected}`, { line });
}
