/**
 * Options of TCP sockets, and `readTcpOptions`.
 *
 * @module
 */
import { checkBoolean, checkInteger } from '@litz/core/internals';

/** Options of connections and listeners. */
export interface TcpOptions {
  /** Sends small segments at once, without Nagle's algorithm. Default false. */
  readonly noDelay?: boolean;
  /** Ms of silence after which keepalive probes are sent; 0: never. Default 0. */
  readonly keepAlive?: number;
  /** Uses ECN if the other side does too (RFC 3168). Default false. */
  readonly ecn?: boolean;
  /** Default 'cubic'. */
  readonly congestionControl?: 'cubic' | 'new-reno';
  /** The largest number of bytes that may wait to be sent or acknowledged. Default 4 MiB. */
  readonly sendBuffer?: number;
  /** The largest number of bytes that may wait to be read. Default 6 MiB. */
  readonly receiveBuffer?: number;
}

/** The options with their defaults. */
export type CheckedTcpOptions = Required<TcpOptions>;

/** @throws {TypeError | RangeError} an option has the wrong type or is out of range */
export function readTcpOptions(options: TcpOptions): CheckedTcpOptions {
  checkBoolean(options.noDelay, 'noDelay');
  checkBoolean(options.ecn, 'ecn');
  checkInteger(options.keepAlive, 'keepAlive', 0, 2 ** 31);
  checkInteger(options.sendBuffer, 'sendBuffer', 2 ** 12, 2 ** 28);
  checkInteger(options.receiveBuffer, 'receiveBuffer', 2 ** 12, 2 ** 28);
  // All connections with the defaults share one object, because there may be many of them.
  if (TCP_OPTION_NAMES.every((name) => options[name] === undefined)) return DEFAULTS;
  const { congestionControl = DEFAULTS.congestionControl } = options;
  if (congestionControl !== 'cubic' && congestionControl !== 'new-reno') {
    throw new TypeError('"congestionControl" expected cubic or new-reno');
  }
  return {
    noDelay: options.noDelay ?? DEFAULTS.noDelay,
    keepAlive: options.keepAlive ?? DEFAULTS.keepAlive,
    ecn: options.ecn ?? DEFAULTS.ecn,
    congestionControl,
    sendBuffer: options.sendBuffer ?? DEFAULTS.sendBuffer,
    receiveBuffer: options.receiveBuffer ?? DEFAULTS.receiveBuffer,
  };
}

/** Returns how many bytes the receive buffer of a new connection may hold. */
export function firstReceiveBuffer(options: CheckedTcpOptions): number {
  return Math.min(FIRST_RECEIVE_BUFFER, options.receiveBuffer);
}

/** The names of the options, for `checkObject`. */
export const TCP_OPTION_NAMES: readonly (keyof TcpOptions)[] = [
  'noDelay',
  'keepAlive',
  'ecn',
  'congestionControl',
  'sendBuffer',
  'receiveBuffer',
];

const DEFAULTS: CheckedTcpOptions = {
  noDelay: false,
  keepAlive: 0,
  ecn: false,
  congestionControl: 'cubic',
  sendBuffer: 2 ** 22,
  receiveBuffer: 6 * 2 ** 20,
};
const FIRST_RECEIVE_BUFFER = 2 ** 17;
