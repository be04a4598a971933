/**
 * What an error of sendmmsg means for the datagram.
 *
 * @module
 */
import {
  EADDRNOTAVAIL,
  ECONNREFUSED,
  EHOSTUNREACH,
  EINTR,
  EINVAL,
  ENETDOWN,
  ENETUNREACH,
  ENODEV,
} from './linux-abi.ts';

/** Returns whether this error can come from a source address or interface that no longer exists. */
export function isCausedBySource(errno: number): boolean {
  return SOURCE_ERRORS.has(errno);
}

/**
 * Returns whether the same call may succeed now: the error came from an earlier datagram, or a
 * signal interrupted the call.
 */
export function isTransient(errno: number): boolean {
  return errno === ECONNREFUSED || errno === EINTR;
}

const SOURCE_ERRORS: ReadonlySet<number> = new Set([
  EINVAL,
  EADDRNOTAVAIL,
  ENETUNREACH,
  EHOSTUNREACH,
  ENETDOWN,
  ENODEV,
]);
