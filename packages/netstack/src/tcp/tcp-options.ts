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
  /** Ms of silence after which the other side is probed; 0: never. Default 0. */
  readonly keepAlive?: number;
  /** Uses ECN if the other side does too (RFC 3168). Default false. */
  readonly ecn?: boolean;
  /** Default 'cubic'. */
  readonly congestionControl?: 'cubic' | 'new-reno';
  /** The most bytes that wait to be sent or acknowledged. Default 4 MiB. */
  readonly sendBuffer?: number;
  /** The most bytes that wait to be read. Default 6 MiB. */
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
  const { congestionControl = 'cubic' } = options;
  if (congestionControl !== 'cubic' && congestionControl !== 'new-reno') {
    throw new TypeError('"congestionControl" expected cubic or new-reno');
  }
  return {
    noDelay: options.noDelay ?? false,
    keepAlive: options.keepAlive ?? 0,
    ecn: options.ecn ?? false,
    congestionControl,
    sendBuffer: options.sendBuffer ?? 2 ** 22,
    receiveBuffer: options.receiveBuffer ?? 6 * 2 ** 20,
  };
}

/** The names of the options, for `checkObject`. */
export const TCP_OPTION_NAMES: readonly string[] = [
  'noDelay',
  'keepAlive',
  'ecn',
  'congestionControl',
  'sendBuffer',
  'receiveBuffer',
];
