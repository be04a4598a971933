/**
 * Parses the answers of the cross-platform userspace protocol: the status of a device, or only an
 * errno. `get-response.ts` formats them.
 *
 * @module
 */
import {
  DROP_REASONS,
  Endpoint,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  type DropReason,
  type SessionStaticKeys,
} from '@litz/core';
import {
  isZeroKey,
  MAX_UINT16,
  MAX_UINT32,
  parseUnsigned,
  quote,
  redactKeys,
  requireText,
  tryParseCidr,
  tryParseEndpoint,
  wipe,
} from '@litz/core/internals';
import type { DevicePeerStatus, DeviceStatus } from '../device-configuration.ts';
import { keyFromHex } from '../text/hex-key.ts';
import { readEndpointName } from './endpoint-name.ts';
import { UAPI_ERRNO, UapiError } from './uapi-error.ts';

/**
 * Parses the answer to `get=1`, up to the empty line.
 *
 * @throws {UapiError} the errno of the answer if it is not 0; `EPROTO`: the text is not an answer
 */
export function parseGetResponse(text: string): DeviceStatus {
  requireText(text, 'text');
  const status: DeviceStatus = { listenPort: 0, fwmark: 0, peers: [] };
  let errno: number | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') break;
    const equals = line.indexOf('=');
    const key = line.slice(0, Math.max(equals, 0));
    const value = line.slice(equals + 1);
    const context: Line = { line: index + 1, key, value };
    if (key === 'errno') errno = errnoOf(context);
    else readLine(status, context);
  }
  throwIfFailed(errno);
  return status;
}

/**
 * Parses the answer to `set=1`.
 *
 * @throws {UapiError} the errno of the answer if it is not 0; `EPROTO`: the text is not an answer
 */
export function parseErrnoResponse(text: string): void {
  requireText(text, 'text');
  const value = /^errno=(-?\d{1,10})\n\n$/.exec(text)?.[1];
  throwIfFailed(value === undefined ? undefined : Number(value));
}

interface Line {
  line: number;
  key: string;
  value: string;
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
    wipe(bytes);
  } else if (key === 'litz_next_private_key') {
    const bytes = keyOf(context);
    status.nextPrivateKey = parsePrivateKey(bytes);
    wipe(bytes);
  } else if (key === 'listen_port') {
    status.listenPort = numberOf(context, MAX_UINT16);
  } else if (key === 'fwmark') {
    status.fwmark = numberOf(context, MAX_UINT32);
  } else if (key.startsWith('litz_')) {
    readDetail(status, context);
  } else if (key === '' || value === '') {
    throw protocolError(context, 'expected KEY=VALUE');
  }
  // An unknown key comes from a newer daemon, so it is ignored.
}

/** Reads a line about how the device works. */
function readDetail(status: DeviceStatus, context: Line): void {
  const { key, value } = context;
  const details = (status.details ??= {
    provider: '',
    providerReason: '',
    offloads: [],
    threads: 0,
    priority: 'normal',
    drops: {},
  });
  if (key === 'litz_provider') details.provider = value;
  else if (key === 'litz_provider_reason') details.providerReason = value;
  else if (key === 'litz_offload') details.offloads.push(value);
  else if (key === 'litz_threads') details.threads = numberOf(context, MAX_UINT16);
  else if (key === 'litz_priority') details.priority = value === 'realtime' ? value : 'normal';
  else if (key === 'litz_drop') readDrop(details.drops, context);
}

function readDrop(drops: NonNullable<DevicePeerStatus['drops']>, context: Line): void {
  const [reason = '', count = ''] = context.value.split(' ');
  const number = numberOf({ ...context, value: count }, Number.MAX_SAFE_INTEGER);
  // A reason that is unknown here comes from a newer daemon, so it is ignored.
  if (DROP_REASONS.includes(reason as DropReason)) drops[reason as DropReason] = number;
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
      wipe(bytes);
      break;
    }
    case 'litz_next_public_key':
      peer.nextPublicKey = parsePublicKey(keyOf(context));
      break;
    case 'litz_session_own_key':
      peer.sessionStaticKeys = { ...sessionKeysOf(peer), own: parsePublicKey(keyOf(context)) };
      break;
    case 'litz_session_peer_key':
      peer.sessionStaticKeys = { ...sessionKeysOf(peer), peer: parsePublicKey(keyOf(context)) };
      break;
    case 'endpoint':
      readEndpoint(peer, context);
      break;
    case 'litz_endpoint_name':
      peer.endpointName = endpointNameOf(context);
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
      readPeerStats(peer, context);
  }
}

function readPeerStats(peer: DevicePeerStatus, context: Line): void {
  const { key } = context;
  if (key === '') throw protocolError(context, 'expected KEY=VALUE');
  if (key === 'litz_drop') readDrop((peer.drops ??= {}), context);
  if (key === 'litz_round_trip_us') {
    peer.roundTripMs = numberOf(context, Number.MAX_SAFE_INTEGER) / 1000;
  }
  const field = COUNT_FIELDS.get(key);
  if (field) peer[field] = numberOf(context, Number.MAX_SAFE_INTEGER);
}

/**
 * Returns the session keys that were read so far. Each of the two keys has a line of its own. Until
 * the line of a key is read, its field has the peer's public key as a placeholder.
 */
function sessionKeysOf({ publicKey, sessionStaticKeys }: DevicePeerStatus): SessionStaticKeys {
  return sessionStaticKeys ?? { own: publicKey, peer: publicKey };
}

function readEndpoint(peer: DevicePeerStatus, context: Line): void {
  const endpoint = tryParseEndpoint(context.value);
  if (!(endpoint instanceof Endpoint)) throw protocolError(context, 'expected IP:PORT');
  peer.endpoint = endpoint;
}

function endpointNameOf(context: Line): string {
  const name = readEndpointName(context.value);
  if (!name) throw protocolError(context, 'expected HOST:PORT');
  return name;
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
  // A text that is not an answer may contain anything, also a key.
  const field = key === '' ? '' : `${redactKeys(key.slice(0, 100))}: `;
  return new UapiError(UAPI_ERRNO.EPROTO, `answer, line ${line}: ${field}${expected}`, { line });
}

const COUNT_FIELDS: ReadonlyMap<
  string,
  'unansweredInitiations' | 'sentMessages' | 'receivedMessages'
> = new Map([
  ['litz_unanswered_initiations', 'unansweredInitiations'],
  ['litz_sent_messages', 'sentMessages'],
  ['litz_received_messages', 'receivedMessages'],
]);
