/**
 * The arguments of `connect`, in all the forms that net.connect takes.
 *
 * @module
 */
import { isIP, type LookupFunction } from 'node:net';
import { describe, requireInteger } from '@litz/core/internals';
import type { OnReadOptions } from './on-read.ts';

/** Options of a `Socket`. */
export interface SocketOptions {
  /** Whether the own side stays open when the other side ends. Default false. */
  readonly allowHalfOpen?: boolean | undefined;
  /** Sends small segments at once, without Nagle's algorithm. Default false. */
  readonly noDelay?: boolean | undefined;
  /** Sends keepalive probes while the connection is silent. Default false. */
  readonly keepAlive?: boolean | undefined;
  /**
   * Ms of silence before the first keepalive probe, rounded down to whole seconds. A value below
   * 1000 means two hours. Default 0.
   */
  readonly keepAliveInitialDelay?: number | undefined;
  /** Destroys the socket when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** The number of waiting bytes at which `write` returns false, and reading ahead stops. */
  readonly highWaterMark?: number | undefined;
  /** Reads data into one buffer of the caller, instead of 'data' events. */
  readonly onread?: OnReadOptions | undefined;
}

/** Options of `Network.connect`: those that net.connect has for TCP. */
export interface ConnectOptions extends SocketOptions {
  readonly port: number;
  /** A name or an address. Default 'localhost': the network's own address. */
  readonly host?: string | undefined;
  /** The own address from which the socket connects: one of the addresses of the network. */
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  /** 4 or 6: only addresses of this version. Default 0: both. */
  readonly family?: number | undefined;
  /**
   * Whether all addresses of a name are tried (RFC 8305). The next attempt begins after a short
   * time, even if the attempt before it has not failed. Default true. False: only the first address
   * is tried.
   */
  readonly autoSelectFamily?: boolean | undefined;
  /** Ms after which the next address is tried too. Default 250, at least 10. */
  readonly autoSelectFamilyAttemptTimeout?: number | undefined;
  /** Ms of silence after which the socket emits 'timeout'. Default 0: never. */
  readonly timeout?: number | undefined;
  /**
   * How many ms the look-up and the connection may take together; after that, the socket fails with
   * `ETIMEDOUT`. Default 0: until TCP gives up, or the device gives up the handshake with the peer.
   */
  readonly connectTimeout?: number | undefined;
  /** A function like dns.lookup. Default: asks the DNS servers of the network. */
  readonly lookup?: LookupFunction | undefined;
  /** Not used. */
  readonly hints?: number | undefined;
}

/** Options of `connect` with their defaults. */
export interface Destination {
  readonly port: number;
  readonly host: string;
  readonly localAddress: string | undefined;
  readonly localPort: number;
  readonly family: 0 | 4 | 6;
  readonly autoSelectFamily: boolean;
  readonly attemptDelayMs: number;
  readonly connectTimeoutMs: number;
  readonly lookup: LookupFunction | undefined;
}

export type ConnectArguments = readonly unknown[];

/** Returns options and callback of `connect(options, done)` or `connect(port, host, done)`. */
export function readConnectArguments(given: ConnectArguments): {
  options: ConnectOptions;
  callback: (() => void) | undefined;
} {
  const last = given.at(-1);
  const callback = typeof last === 'function' ? (last as () => void) : undefined;
  const [first, second] = given;
  if (typeof first === 'object' && first !== null) {
    return { options: first as ConnectOptions, callback };
  }
  const host = typeof second === 'string' ? second : undefined;
  return { options: { port: first as number, host }, callback };
}

/**
 * Checks the options. Unknown options are ignored, as node:net does, because agents also pass
 * options of HTTP.
 *
 * @throws {TypeError | RangeError} the message names the option
 */
export function readDestination(options: ConnectOptions): Destination {
  const { host = 'localhost', localAddress, localPort = 0, family = 0, lookup } = options;
  const port = readPort(options.port, 'port');
  if (typeof host !== 'string') throw new TypeError(`"host" expected a string, got ${typeof host}`);
  if (localAddress !== undefined && isIP(localAddress) === 0) {
    throw new TypeError('"localAddress" expected an IP address');
  }
  requireInteger(localPort, 'localPort', 0, 0xffff);
  if (lookup !== undefined && typeof lookup !== 'function') {
    throw new TypeError(`"lookup" expected a function, got ${typeof lookup}`);
  }
  const { autoSelectFamilyAttemptTimeout = 250, connectTimeout = 0 } = options;
  requireInteger(autoSelectFamilyAttemptTimeout, 'autoSelectFamilyAttemptTimeout', 1, 2 ** 31 - 1);
  requireInteger(connectTimeout, 'connectTimeout', 0, 2 ** 31 - 1);
  return {
    port,
    host: host === '' ? 'localhost' : host,
    localAddress,
    localPort,
    family: family === 4 || family === 6 ? family : 0,
    autoSelectFamily: options.autoSelectFamily ?? true,
    attemptDelayMs: Math.max(10, autoSelectFamilyAttemptTimeout),
    connectTimeoutMs: connectTimeout,
    lookup,
  };
}

/** Returns the ms of silence before the first keepalive probe; 0: none is sent. */
export function keepAliveMs(enable: boolean, initialDelay: number = 0): number {
  if (!enable) return 0;
  // As in node:net, only whole seconds count, and less than one second means the default.
  const seconds = Math.trunc(initialDelay / 1000);
  return seconds > 0 ? seconds * 1000 : DEFAULT_KEEPALIVE_MS;
}

/**
 * Returns a port, which may be given as a number or as a text of digits.
 *
 * @throws {RangeError} `ERR_SOCKET_BAD_PORT`: not an integer from 0 to 65535
 */
export function readPort(port: unknown, name: string): number {
  const number = typeof port === 'string' && /^\d+$/.test(port.trim()) ? Number(port) : port;
  const isPort = typeof number === 'number' && Number.isInteger(number);
  if (isPort && number >= 0 && number <= 0xffff) return number;
  const text = `"${name}" expected an integer from 0 to 65535, got ${describe(port)}`;
  throw Object.assign(new RangeError(text), { code: 'ERR_SOCKET_BAD_PORT' });
}

/** tcp_keepalive_time of Linux; RFC 9293 3.8.4. */
const DEFAULT_KEEPALIVE_MS = 7_200_000;
