/**
 * What is answered to the requests of the userspace protocol. Nothing here rejects: what goes wrong is
 * an errno.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';
import {
  formatErrnoResponse,
  formatGetDevice,
  formatGetPeers,
  parseSetRequest,
  UAPI_ERRNO,
  UapiError,
  wipeSecrets,
  type DeviceConfiguration,
  type DeviceStatus,
  type GetOptions,
} from '@litz/config';

/** What is served; a `Device` is one. */
export interface UapiTarget {
  /** A copy: its secrets are wiped when they are answered. */
  status(): Promise<DeviceStatus>;
  /** The same a few peers at a time, taken instead if it is there; see `Device.statusParts`. */
  statusParts?(): AsyncIterable<DeviceStatus>;
  configure(change: DeviceConfiguration): Promise<void>;
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
