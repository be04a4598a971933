/**
 * Errors of sockets, in the form of Node.js: `code`, `errno`, `syscall`, and the address they are
 * about. Programs compare `code`, as with node:net.
 *
 * @module
 */
import { getSystemErrorMap } from 'node:util';

/** An error like those of node:net, node:dgram and node:dns. */
export interface NetworkError extends Error {
  /** For example 'ECONNREFUSED'. */
  readonly code: string;
  /** A negative number, as in Node.js; undefined if libuv has no number for the code. */
  readonly errno?: number;
  readonly syscall: string;
  readonly address?: string;
  readonly port?: number;
  /** The name that was looked up. */
  readonly hostname?: string;
}

/** What an error is about. */
export interface ErrorSubject {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  /** What else is known. It follows a colon in the message. */
  readonly reason?: string | undefined;
  readonly cause?: unknown;
}

/**
 * Returns an error like `connect ECONNREFUSED 10.0.0.2:80` (ExceptionWithHostPort of Node.js). If
 * there is no address, it is like `read ECONNRESET` (ErrnoException).
 */
export function systemError(
  code: string,
  syscall: string,
  { address, port, reason, cause }: ErrorSubject = {},
): NetworkError {
  const place = address === undefined ? '' : ` ${hostPort(address, port)}`;
  const text = `${syscall} ${code}${place}${reason === undefined ? '' : `: ${reason}`}`;
  const error = new Error(text, cause === undefined ? {} : { cause });
  const errno = systemErrors().get(code)?.errno;
  return Object.assign(error, {
    ...(errno !== undefined && { errno }),
    code,
    syscall,
    ...(address !== undefined && { address }),
    ...(port !== undefined && port > 0 && { port }),
  });
}

/**
 * Returns an error like `listen EADDRINUSE: address already in use 10.0.0.2:80`
 * (UVExceptionWithHostPort of Node.js).
 */
export function bindError(
  code: string,
  syscall: string,
  address: string,
  port: number,
): NetworkError {
  const { errno, text = 'unknown error' } = systemErrors().get(code) ?? {};
  const error = new Error(`${syscall} ${code}: ${text} ${hostPort(address, port)}`);
  return Object.assign(error, { code, errno: errno ?? -1, syscall, address, port });
}

/** Returns an error with a code of Node.js that names a wrong use, like `ERR_SOCKET_CLOSED`. */
export function usageError(code: string, message: string): Error & { code: string } {
  return Object.assign(new Error(message), { code });
}

/** Returns the error of a write to a socket that has ended. */
export function closedError(wasConnected: boolean): Error & { code: string } {
  return wasConnected
    ? usageError('ERR_SOCKET_CLOSED', 'Socket is closed')
    : usageError(
        'ERR_SOCKET_CLOSED_BEFORE_CONNECTION',
        'Socket closed before the connection was established',
      );
}

/** Returns the error of an aborted call, with the reason of the signal as `cause`. */
export function abortError(signal: AbortSignal): Error & { code: string } {
  const error = new Error('The operation was aborted', { cause: signal.reason });
  error.name = 'AbortError';
  return Object.assign(error, { code: 'ABORT_ERR' });
}

/**
 * Returns one error for several addresses, as Node.js does when it tries more than one: an
 * `AggregateError` with the code of the first error. A single error is returned as it is.
 */
export function aggregateError(errors: readonly NetworkError[]): Error {
  const [first] = errors;
  if (errors.length === 1 && first) return first;
  return Object.assign(new AggregateError(errors), { code: first?.code });
}

/** Returns the code of an error that the stack threw; 'EINVAL' if it has none. */
export function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? 'EINVAL';
}

function hostPort(address: string, port: number | undefined): string {
  return port === undefined || port <= 0 ? address : `${address}:${port}`;
}

/** Returns numbers and texts by code, from libuv: the numbers differ from system to system. */
function systemErrors(): ReadonlyMap<string, { errno: number; text: string }> {
  known ??= new Map(
    [...getSystemErrorMap()].map(([errno, [name, text]]) => [name, { errno, text }]),
  );
  return known;
}

let known: Map<string, { errno: number; text: string }> | undefined;
