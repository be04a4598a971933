/**
 * The request `litz_capture=1`, an extension of the userspace protocol: packets of a running device
 * as a pcapng file.
 *
 * ```
 *   litz_capture=1
 *   side=inner            or outer; absent: both
 *   peer=...              64 hexadecimal digits; any number of these lines; absent: all packets
 *   snap_length=96        how many bytes of a packet are kept; absent: all
 *   key_log=true          secrets of new handshakes; only for root
 *   (empty line)
 *
 *   errno=0               the answer
 *   (empty line)
 *   (bytes of the file, until the capture ends)
 * ```
 *
 * Nothing else may follow on the connection. When the client closes its writing side, the daemon
 * stops recording and sends the rest of the file, which ends with the statistics of the interfaces.
 * If the daemon ends the capture for another reason, the last block has the reason as a comment.
 *
 * @module
 */
import type { PublicKey } from '@litz/core';
import {
  checkArray,
  checkObject,
  MAX_UINT32,
  parseUnsigned,
  quote,
  readPublicKey,
  requireText,
} from '@litz/core/internals';
import { keyFromHex, keyToHex } from '../text/hex-key.ts';
import { UAPI_ERRNO, UapiError } from './uapi-error.ts';

/** What a capture records. */
export interface CaptureRequest {
  /** Only packets of these peers. Default: all, also those that belong to no peer. */
  peers?: readonly (string | PublicKey)[];
  /** 'inner': IP packets of the interface. 'outer': datagrams of WireGuard. Default: both. */
  side?: 'inner' | 'outer' | 'both';
  /** How many bytes of a packet are kept. Default: all. */
  snapLength?: number;
  /** Whether the capture contains the key log of WireGuard. Default false. */
  keyLog?: boolean;
}

/**
 * Returns the text of a request.
 *
 * @throws {TypeError | WireGuardError} a field is unknown, `peers` is not an array, or a peer is
 *   not a public key; the message names it. The other values are not checked.
 */
export function formatCaptureRequest(request: CaptureRequest = {}): string {
  checkObject(request, 'request', ['peers', 'side', 'snapLength', 'keyLog']);
  const { peers = [], side = 'both', snapLength, keyLog = false } = request;
  checkArray(peers, 'peers');
  const lines = ['litz_capture=1'];
  if (side !== 'both') lines.push(`side=${side}`);
  for (const [index, peer] of peers.entries()) {
    lines.push(`peer=${keyToHex(readPublicKey(peer, `peers[${index}]`))}`);
  }
  if (snapLength !== undefined) lines.push(`snap_length=${snapLength}`);
  if (keyLog) lines.push('key_log=true');
  return `${lines.join('\n')}\n\n`;
}

/**
 * Parses the lines after `litz_capture=1`, without the empty line.
 *
 * @throws {UapiError} `EPROTO`: a line is not KEY=VALUE; `EINVAL`: a key or value is not allowed
 */
export function parseCaptureRequest(body: string): CaptureRequest {
  requireText(body, 'body');
  const request: CaptureRequest = {};
  const peers: PublicKey[] = [];
  for (const [index, row] of body.split('\n').entries()) {
    if (row === '') continue;
    const line = index + 1;
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/.exec(row) ?? [];
    if (key === '') throw newError(UAPI_ERRNO.EPROTO, line, 'expected KEY=VALUE');
    else if (key === 'peer') peers.push(peerOf(line, value));
    else if (key === 'side' && (value === 'inner' || value === 'outer')) request.side = value;
    else if (key === 'key_log' && value === 'true') request.keyLog = true;
    else if (key === 'snap_length') request.snapLength = numberOf(line, value);
    else
      throw newError(
        UAPI_ERRNO.EINVAL,
        line,
        `${quote(key)} is no key of a capture request, or its value is not allowed`,
      );
  }
  return peers.length > 0 ? { ...request, peers } : request;
}

function peerOf(line: number, value: string): PublicKey {
  const key = keyFromHex(value);
  if (key) return readPublicKey(key, 'peer');
  throw newError(UAPI_ERRNO.EINVAL, line, 'peer expected 64 hexadecimal digits');
}

function numberOf(line: number, value: string): number {
  const number = parseUnsigned(value, MAX_UINT32);
  if (number !== undefined) return number;
  throw newError(UAPI_ERRNO.EINVAL, line, 'snap_length expected a number');
}

function newError(errno: number, line: number, text: string): UapiError {
  return new UapiError(errno, `capture request, line ${line}: ${text}`, { line });
}
