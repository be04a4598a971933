/**
 * Answers requests of the userspace protocol. No function here rejects: errors are answered with an
 * errno.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';
import {
  formatChangedPeer,
  formatCursor,
  formatErrnoResponse,
  formatGetDevice,
  formatGetPeers,
  parseSetRequest,
  RESYNC_LINE,
  UAPI_ERRNO,
  UapiError,
  wipeSecrets,
  type ChangedPeer,
  type DeviceDetails,
  type DeviceConfiguration,
  type DevicePeerStatus,
  type DeviceStatus,
  type GetOptions,
} from '@litz/config';
import type { CaptureOptions } from '../capture/capture-options.ts';
import type { CaptureStream } from '../capture/device-capture.ts';
import { CaptureLimitError } from '../capture/device-captures.ts';
import type { FeedReader } from './peer-feed.ts';

/** The device to serve; a `Device` fits. */
export interface UapiTarget {
  /** Returns a copy, whose secrets are wiped after the answer. */
  status(): Promise<DeviceStatus>;
  /**
   * Returns the same as `status`, a few peers at a time; see `Device.statusParts`. Used instead of
   * `status` if present.
   */
  statusParts?(): AsyncIterable<DeviceStatus>;
  /**
   * Returns the provider, the offloads in use, the threads and the drops, for a client that asks
   * for statistics.
   */
  details?(): Promise<DeviceDetails>;
  /** Applies a change: all of it or nothing. The secrets in it are wiped after the call. */
  configure(change: DeviceConfiguration): Promise<void>;
  /**
   * Follows the changes of peers; see `Device.followPeers`. Without it, `litz_changes` is refused.
   */
  followPeers?(listener: (peer: ChangedPeer) => void): () => void;
  /** Starts a capture; see `Device.capture`. Without it, `litz_capture` is refused. */
  capture?(options: CaptureOptions): Promise<CaptureStream>;
}

/** Called with the reason why a request was refused. */
export type OnRefused = (error: Error) => void;

/**
 * Returns the answer to `get=1` in pieces. A piece is read from the device only when the caller
 * asks for it.
 */
export async function* answerGet(
  target: UapiTarget,
  onRefused: OnRefused,
  options: GetOptions = {},
): AsyncGenerator<string, void, undefined> {
  try {
    let isFirst = true;
    const details = options.stats === true ? await target.details?.() : undefined;
    for await (const part of target.statusParts?.() ?? whole(target)) {
      let text: string;
      try {
        const peers = formatGetPeers(part.peers, options);
        const described = details ? { ...part, details } : part;
        text = isFirst ? formatGetDevice(described, options) + peers : peers;
      } finally {
        wipeSecrets(part);
      }
      yield text;
      isFirst = false;
    }
    yield formatErrnoResponse(0);
  } catch (error) {
    onRefused(error as Error);
    yield formatErrnoResponse(errnoOf(error));
  }
}

/** Carries out a `set=1` and returns its answer. */
export async function answerSet(
  target: UapiTarget,
  body: string,
  onRefused: OnRefused,
): Promise<string> {
  let change: DeviceConfiguration | undefined;
  try {
    change = parseSetRequest(body);
    await target.configure(change);
    return formatErrnoResponse(0);
  } catch (error) {
    onRefused(error as Error);
    return formatErrnoResponse(errnoOf(error));
  } finally {
    if (change) wipeSecrets(change);
  }
}

/**
 * Returns the answer to `litz_changes=CURSOR` in pieces, until the reader is closed. While the
 * caller sends a piece, further changes wait in the feed.
 */
export async function* answerChanges(
  target: UapiTarget,
  reader: FeedReader,
  cursor: number,
  onRefused: OnRefused,
): AsyncGenerator<string, void, undefined> {
  const { feed } = reader;
  let at = cursor;
  let isFirst = true;
  try {
    for (;;) {
      const changes = feed.since(at, MOST_IN_REPORT);
      if (!changes) {
        // The cursor is read first. So a change that happens while the peers are read is also sent
        // afterwards.
        at = feed.cursor;
        yield RESYNC_LINE;
        yield* allPeers(target);
        yield formatCursor(at);
      } else if (changes.length > 0 || isFirst) {
        at += changes.length;
        yield changes.map(formatChangedPeer).join('') + formatCursor(at);
      }
      isFirst = false;
      if (!(await reader.changed(at))) return;
    }
  } catch (error) {
    onRefused(error as Error);
    yield formatErrnoResponse(errnoOf(error));
  }
}

/**
 * Returns the errno with which wireguard-go answers such an error. Every system error becomes
 * EADDRINUSE, for instance when the port is taken, or when the kernel refuses the mark.
 */
export function errnoOf(error: unknown): number {
  if (error instanceof UapiError) return error.errno;
  if (error instanceof CaptureLimitError) return UAPI_ERRNO.EBUSY;
  if (error instanceof TypeError || error instanceof RangeError) return UAPI_ERRNO.EINVAL;
  if (error instanceof WireGuardError && 'syscall' in error) return UAPI_ERRNO.EADDRINUSE;
  // The zone does not name an interface.
  if (error instanceof WireGuardError && error.code === 'ERR_LITZ_INVALID_ENDPOINT') {
    return UAPI_ERRNO.EINVAL;
  }
  const isUnsupported =
    error instanceof WireGuardError && error.code === 'ERR_LITZ_UNSUPPORTED_PLATFORM';
  return isUnsupported ? UAPI_ERRNO.EADDRINUSE : UAPI_ERRNO.EIO;
}

async function* allPeers(target: UapiTarget): AsyncGenerator<string, void, undefined> {
  for await (const part of target.statusParts?.() ?? whole(target)) {
    wipeSecrets(part);
    yield part.peers.map(formatPresentPeer).join('');
  }
}

function formatPresentPeer(peer: DevicePeerStatus): string {
  const { publicKey, endpoint, lastHandshakeUnixMs, sessionStaticKeys } = peer;
  const common = { publicKey, isRemoved: false, endpoint, lastHandshakeUnixMs };
  return formatChangedPeer(sessionStaticKeys ? { ...common, sessionStaticKeys } : common);
}

async function* whole(target: UapiTarget): AsyncGenerator<DeviceStatus, void, undefined> {
  yield await target.status();
}

// How many changes one piece of the answer holds at most.
const MOST_IN_REPORT = 256;
