/**
 * The answer to `litz_changes=CURSOR`, an extension of the userspace protocol: an endless series of
 * reports about the peers of a device that have changed.
 *
 * ```
 *   litz_changes=0\n\n           the request; nothing else may follow on its connection
 *
 *   litz_resync=true             the reader forgets all that it knows: this report has all peers
 *   public_key=...               the current values of a peer, as in `get`
 *   endpoint=192.0.2.1:51871
 *   last_handshake_time_sec=0
 *   last_handshake_time_nsec=0
 *   litz_session_own_key=...     the static keys of the session used for sending, if any
 *   litz_session_peer_key=...
 *   litz_cursor=1801             where to continue on another connection
 *   (empty line)
 *   public_key=...
 *   litz_removed=true            the peer was removed
 *   litz_cursor=1802
 *   (empty line)
 * ```
 *
 * The first report comes at once, even if nothing has changed. It is a full report, with
 * `litz_resync`, if the cursor is 0 or if the device does not know the cursor (any more). A reader
 * that was too slow also gets a full report. If the daemon sends no reports, it answers `errno=N`
 * and an empty line.
 *
 * @module
 */
import { Endpoint, formatEndpoint, parsePublicKey, type PublicKey } from '@litz/core';
import {
  checkObject,
  parseUnsigned,
  quote,
  requireText,
  tryParseEndpoint,
} from '@litz/core/internals';
import { keyFromHex, keyToHex } from '../text/hex-key.ts';
import { UAPI_ERRNO, UapiError } from './uapi-error.ts';

/** The current values of a peer. */
export interface ChangedPeer {
  readonly publicKey: PublicKey;
  readonly isRemoved: boolean;
  readonly endpoint: Endpoint | undefined;
  /** Unix time in ms of the last completed handshake; 0 if there was none. */
  readonly lastHandshakeUnixMs: number;
  /** The static keys of the session used for sending; absent if there is none. */
  readonly sessionStaticKeys?: { readonly own: PublicKey; readonly peer: PublicKey };
}

/** One report of changed peers. */
export interface PeerChanges {
  /** Whether the report has all peers. If so, everything that was known before is invalid. */
  readonly isResync: boolean;
  /**
   * In the order of the changes, the oldest first. If a peer is in the list twice, the later entry
   * is valid.
   */
  readonly peers: readonly ChangedPeer[];
  /** The cursor with which to continue after this report. */
  readonly cursor: number;
}

/** Returns the lines of one peer of a report. */
export function formatChangedPeer(peer: ChangedPeer): string {
  checkObject(peer, 'peer');
  const head = `public_key=${keyToHex(peer.publicKey)}\n`;
  if (peer.isRemoved) return `${head}litz_removed=true\n`;
  const seconds = Math.floor(peer.lastHandshakeUnixMs / 1000);
  const nanoseconds = Math.round((peer.lastHandshakeUnixMs - seconds * 1000) * 1e6);
  const endpoint = peer.endpoint ? `endpoint=${formatEndpoint(peer.endpoint)}\n` : '';
  const { sessionStaticKeys } = peer;
  const keys = sessionStaticKeys
    ? `litz_session_own_key=${keyToHex(sessionStaticKeys.own)}\n` +
      `litz_session_peer_key=${keyToHex(sessionStaticKeys.peer)}\n`
    : '';
  return (
    `${head}${endpoint}last_handshake_time_sec=${seconds}\n` +
    `last_handshake_time_nsec=${Math.min(nanoseconds, 999_999_999)}\n${keys}`
  );
}

/** Returns the end of a report. */
export function formatCursor(cursor: number): string {
  return `litz_cursor=${cursor}\n\n`;
}

/**
 * Parses one report, without its empty line.
 *
 * @throws {UapiError} the errno of the answer; `EPROTO`: the text is not a report
 */
export function parsePeerChanges(text: string): PeerChanges {
  requireText(text, 'text');
  const peers: Writable<ChangedPeer>[] = [];
  let isResync = false;
  let cursor: number | undefined;
  let number = 0;
  for (const row of linesOf(text)) {
    const equals = row.indexOf('=');
    const line = { number: ++number, key: row.slice(0, Math.max(equals, 0)) };
    const value = row.slice(equals + 1);
    if (line.key === 'errno') throw errnoError(line, value);
    if (line.key === 'public_key') peers.push(newPeer(line, value));
    else if (line.key === 'litz_resync') isResync = value === 'true';
    else if (line.key === 'litz_cursor') cursor = numberOf(line, value);
    else if (line.key === '') throw protocolError(line, 'expected KEY=VALUE');
    else readPeerLine(peers.at(-1), line, value);
  }
  if (cursor !== undefined) return { isResync, peers, cursor };
  throw new UapiError(UAPI_ERRNO.EPROTO, 'a report of changed peers has no litz_cursor');
}

/**
 * Yields one line after the other, without an array of all lines: a report of all peers may have
 * tens of thousands of them.
 */
function* linesOf(text: string): Generator<string, void, void> {
  let at = 0;
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', at)) {
    yield text.slice(at, end);
    at = end + 1;
  }
  yield text.slice(at);
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Line {
  readonly number: number;
  readonly key: string;
}

function newPeer(line: Line, value: string): Writable<ChangedPeer> {
  const publicKey = keyOf(line, value);
  return { publicKey, isRemoved: false, endpoint: undefined, lastHandshakeUnixMs: 0 };
}

/** Reads a line of a peer. An unknown key comes from a newer daemon, so it is ignored. */
function readPeerLine(peer: Writable<ChangedPeer> | undefined, line: Line, value: string): void {
  if (!peer) return;
  switch (line.key) {
    case 'litz_removed':
      peer.isRemoved = value === 'true';
      break;
    case 'endpoint': {
      const endpoint = tryParseEndpoint(value);
      if (!(endpoint instanceof Endpoint)) throw protocolError(line, 'expected IP:PORT');
      peer.endpoint = endpoint;
      break;
    }
    case 'litz_session_own_key': {
      const own = keyOf(line, value);
      peer.sessionStaticKeys = { own, peer: peer.sessionStaticKeys?.peer ?? peer.publicKey };
      break;
    }
    case 'litz_session_peer_key':
      if (peer.sessionStaticKeys)
        peer.sessionStaticKeys = { ...peer.sessionStaticKeys, peer: keyOf(line, value) };
      break;
    case 'last_handshake_time_sec':
      peer.lastHandshakeUnixMs += numberOf(line, value) * 1000;
      break;
    case 'last_handshake_time_nsec':
      peer.lastHandshakeUnixMs += numberOf(line, value) / 1e6;
      break;
  }
}

function keyOf(line: Line, value: string): PublicKey {
  const key = keyFromHex(value);
  if (key) return parsePublicKey(key);
  throw protocolError(line, 'expected 64 hexadecimal digits');
}

function numberOf(line: Line, value: string): number {
  const number = parseUnsigned(value, Number.MAX_SAFE_INTEGER);
  if (number !== undefined) return number;
  throw protocolError(line, `expected a number, got ${quote(value)}`);
}

function errnoError(line: Line, value: string): UapiError {
  const errno = /^-?\d{1,10}$/.test(value) ? Number(value) : NaN;
  if (Number.isNaN(errno)) return protocolError(line, `expected a number, got ${quote(value)}`);
  const name = Object.entries(UAPI_ERRNO).find(([, number]) => number === errno)?.[0];
  const text = `the device does not report changes of peers: errno ${errno}${name ? ` (${name})` : ''}`;
  return new UapiError(errno, text);
}

function protocolError({ number, key }: Line, expected: string): UapiError {
  const text = `report, line ${number}: ${key === '' ? '' : `${quote(key)}: `}${expected}`;
  return new UapiError(UAPI_ERRNO.EPROTO, text, { line: number });
}

/** The beginning of a full report. */
export const RESYNC_LINE = 'litz_resync=true\n';
