/**
 * `WireGuardError`: the error for a mistake of the caller, or for a failure of the system. Network
 * input never creates an error.
 *
 * @module
 */

/** These codes are stable. Compare the code, because the message may change. */
export type WireGuardErrorCode =
  | 'ERR_LITZ_INVALID_KEY'
  | 'ERR_LITZ_INVALID_ENDPOINT'
  | 'ERR_LITZ_INVALID_ADDRESS'
  | 'ERR_LITZ_INVALID_CIDR'
  | 'ERR_LITZ_INVALID_CONFIG'
  | 'ERR_LITZ_TOO_MANY_PEERS'
  | 'ERR_LITZ_UNSUPPORTED_PLATFORM'
  | 'ERR_LITZ_FFI_MISSING'
  | 'ERR_LITZ_SYSTEM' // a system call, a file, a hook or the name resolver failed
  | 'ERR_LITZ_PERMISSION'
  | 'ERR_LITZ_TIMEOUT'
  | 'ERR_LITZ_CLOSED'
  | 'ERR_LITZ_WORKER'
  | 'ERR_LITZ_UAPI';

/** An error with a stable `code`. It never contains key bytes. */
export class WireGuardError extends Error {
  readonly code: WireGuardErrorCode;

  constructor(code: WireGuardErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'WireGuardError';
    this.code = code;
  }
}
