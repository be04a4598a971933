/**
 * What goes wrong with a UAPI request, and the numbers that are answered.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';

/** Negative, as wireguard-go answers them and as Node has them. Linux numbers on every system. */
export const UAPI_ERRNO = {
  /** Reading or writing failed. */
  EIO: -5,
  /** There is no memory left for the request. */
  ENOMEM: -12,
  /** There are too many readers of changes. */
  EBUSY: -16,
  /** A key or value that is not known or not allowed. */
  EINVAL: -22,
  /** Something the reference calls ENOANO: it has no better number. */
  UNKNOWN: -55,
  /** A line that is none. */
  EPROTO: -71,
  /** The port cannot be opened, or the mark not set. */
  EADDRINUSE: -98,
} as const;

/** `code` is `ERR_LITZ_UAPI`. */
export class UapiError extends WireGuardError {
  /** The number that is or was answered; negative. */
  readonly errno: number;
  /** Line of the request's body, from 1 on, when the request was at fault. */
  readonly line: number | undefined;

  constructor(errno: number, message: string, options: { line?: number; cause?: unknown } = {}) {
    super('ERR_LITZ_UAPI', message, 'cause' in options ? { cause: options.cause } : {});
    this.name = 'UapiError';
    this.errno = errno;
    this.line = options.line;
  }
}
