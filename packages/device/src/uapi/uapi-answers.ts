/**
 * What is answered to the requests of the userspace protocol. Nothing here rejects: what goes wrong is
 * an errno.
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
  type DeviceConfiguration,
  type DevicePeerStatus,
  type DeviceStatus,
  type GetOptions,
} from '@litz/config';
import type { FeedReader } from './peer-feed.ts';

/** What is served; a `Device` is one. */
export interface UapiTarget {
  /** A copy: its secrets are wiped when they are answered. */
  status(): Promise<DeviceStatus>;
  /** The same a few peers at a time, taken instead if it is there; see `Device.statusParts`. */
  statusParts?(): AsyncIterable<DeviceStatus>;
  configure(change: DeviceConfiguration): Promise<void>;
  /** Without it `litz_changes` is refused; see `Device.followPeers`. */
  followPeers?(listener: (peer: ChangedPeer) => void): () => void;
}

/** Is told why something was refused. */
export type OnRefused = (error: Error) => void;

/** The answer to `get=1`, in pieces. No more is read of the device than is asked for here. */
export async function* answerGet(
  target: UapiTarget,
  onRefused: OnRefused,
  options: GetOptions = {},
): AsyncGenerator<string, void, undefined> {
  try {
    let isFirst = true;
    for await (const part of target.statusParts?.() ?? whole(target)) {
      let text: string;
      try {
        const peers = formatGetPeers(part.peers, options);
        text = isFirst ? formatGetDevice(part, options) + peers : peers;
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

/** Carries out a `set=1`. */
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
 * The answer to `litz_changes=CURSOR`, in pieces, until the reader is closed. What changes while a
 * piece is taken waits in the feed.
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
        // First: what changes while the peers are read is told again behind them.
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

async function* allPeers(target: UapiTarget): AsyncGenerator<string, void, undefined> {
  for await (const part of target.statusParts?.() ?? whole(target)) {
    wipeSecrets(part);
    yield part.peers.map(formatPresentPeer).join('');
  }
}

function formatPresentPeer(peer: DevicePeerStatus): string {
  const { publicKey, endpoint, lastHandshakeUnixMs, sessionKeys } = peer;
  const common = { publicKey, isRemoved: false, endpoint, lastHandshakeUnixMs };
  return formatChangedPeer(sessionKeys ? { ...common, sessionKeys } : common);
}

async function* whole(target: UapiTarget): AsyncGenerator<DeviceStatus, void, undefined> {
  yield await target.status();
}

/** As wireguard-go has them: whatever is wrong with port or mark is EADDRINUSE. */
function errnoOf(error: unknown): number {
  if (error instanceof UapiError) return error.errno;
  if (error instanceof TypeError || error instanceof RangeError) return UAPI_ERRNO.EINVAL;
  if (error instanceof WireGuardError && 'syscall' in error) return UAPI_ERRNO.EADDRINUSE;
  // The zone of no interface.
  if (error instanceof WireGuardError && error.code === 'ERR_LITZ_INVALID_ENDPOINT') {
    return UAPI_ERRNO.EINVAL;
  }
  const isUnsupported =
    error instanceof WireGuardError && error.code === 'ERR_LITZ_UNSUPPORTED_PLATFORM';
  return isUnsupported ? UAPI_ERRNO.EADDRINUSE : UAPI_ERRNO.EIO;
}

const MOST_IN_REPORT = 256;
