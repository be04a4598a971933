/**
 * `UapiError`: the error of a UAPI request. `UAPI_ERRNO`: the error numbers in answers.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';

/**
 * The errnos of Litz's answers. They are negative, as in the answers of wireguard-go and as in
 * Node.js, and they are the numbers of Linux on every system.
 */
export const UAPI_ERRNO = {
  /** The client has no right to what it asks for. */
  EPERM: -1,
  /** Reading or writing failed, or the daemon cannot be reached. */
  EIO: -5,
  /** There is no memory for the request. */
  ENOMEM: -12,
  /** There are too many readers of changes, or too many captures. */
  EBUSY: -16,
  /** A key or value is unknown or not allowed. */
  EINVAL: -22,
  /** An error without a better number. The reference implementation calls it ENOANO. */
  UNKNOWN: -55,
  /** A line is not KEY=VALUE. */
  EPROTO: -71,
  /** The port could not be opened, or the mark could not be set. */
  EADDRINUSE: -98,
} as const;

/** A UAPI request failed. `code` is `ERR_LITZ_UAPI`. */
export class UapiError extends WireGuardError {
  /**
   * The errno of the answer, with the daemon's sign; for an error that this package found, a value
   * of `UAPI_ERRNO`.
   */
  readonly errno: number;
  /**
   * The number of the wrong line in a request's body, an answer or a report, counted from 1;
   * undefined if no line is wrong.
   */
  readonly line: number | undefined;

  constructor(errno: number, message: string, options: { line?: number; cause?: unknown } = {}) {
    super('ERR_LITZ_UAPI', message, 'cause' in options ? { cause: options.cause } : {});
    this.name = 'UapiError';
    this.errno = errno;
    this.line = options.line;
  }
}
