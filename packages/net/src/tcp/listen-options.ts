/**
 * The arguments of `listen`, in all the forms that net.Server takes for TCP.
 *
 * @module
 */
import { requireInteger } from '@litz/core/internals';
import { readPort } from './connect-options.ts';

/** Options of `Server.listen`. */
export interface ListenOptions {
  /** Default 0: a free port. */
  readonly port?: number | undefined;
  /** A name or an address of the network. Default: all addresses. */
  readonly host?: string | undefined;
  /** How many connections may wait to be accepted. Default 511. */
  readonly backlog?: number | undefined;
  /** Closes the server when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** Where a server listens. */
export interface ListenPlace {
  /** The text that `address()` reports. */
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  /**
   * 4: the server listens at all IPv4 addresses. Undefined: if the host is '::' or missing, the
   * server listens at all addresses; for any other host, at `address` alone.
   */
  readonly version: 4 | undefined;
}

/**
 * Returns options and callback of `listen(options, callback)` or `listen(port, host, backlog,
 * callback)`.
 *
 * @throws {TypeError | RangeError} an argument is wrong
 */
export function readListenArguments(given: readonly unknown[]): {
  options: ListenOptions;
  callback: (() => void) | undefined;
} {
  const last = given.at(-1);
  const callback = typeof last === 'function' ? (last as () => void) : undefined;
  const [first] = given;
  const options =
    typeof first === 'object' && first !== null ? (first as ListenOptions) : fromList(given);
  const { port = 0, host, backlog } = options;
  if (backlog !== undefined) requireInteger(backlog, 'backlog', 0, 0xffff);
  if (host !== undefined && typeof host !== 'string') {
    throw new TypeError(`"host" expected a string, got ${typeof host}`);
  }
  const checked = { ...options, port: readPort(port ?? 0, 'port') };
  return { options: host === '' ? { ...checked, host: undefined } : checked, callback };
}

function fromList(given: readonly unknown[]): ListenOptions {
  const [port, ...rest] = given.filter((argument) => typeof argument !== 'function');
  const host = rest.find((argument) => typeof argument === 'string');
  const backlog = rest.find((argument) => typeof argument === 'number');
  return { port: (port ?? 0) as number, host, backlog };
}
