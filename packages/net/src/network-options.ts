/**
 * Options of `Network.open`.
 *
 * @module
 */
import type { LookupFunction } from 'node:net';
import {
  checkArray,
  checkFunction,
  checkInteger,
  checkObject,
  describe,
  requireText,
} from '@litz/core/internals';
import type { DeviceOptions } from '@litz/device';
import { wrongServer, type ResolveOptions } from '@litz/device/quick';
import { NetworkTun } from './network-tun.ts';
import { checkSignal } from './on-abort.ts';

/** Options of `Network.open`. */
export interface NetworkOptions {
  /** DNS servers and search domains. They replace the `DNS` field of the wg-quick file. */
  readonly dns?: readonly string[] | undefined;
  /** A function like dns.lookup, which is called instead of the DNS servers of the tunnel. */
  readonly lookup?: LookupFunction | undefined;
  /** The MTU in bytes, 1280 to 65535. It replaces the MTU of the file. Default 1420. */
  readonly mtu?: number | undefined;
  /** The largest number of bytes that all sockets together may hold. Default 64 MiB. */
  readonly memory?: number | undefined;
  /** Ms after which a handshake without answer is given up. Default 90000. */
  readonly handshakeTimeout?: number | undefined;
  /**
   * How endpoints that are names are looked up: the function, the number of retries and the log.
   * Default: the resolver of the system, with 15 retries.
   */
  readonly resolve?: Omit<ResolveOptions, 'signal'> | undefined;
  /**
   * If the first argument of `Network.open` is a configuration: the name of its file, for the texts
   * of errors.
   */
  readonly file?: string | undefined;
  /** Aborts `open`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * If the first argument of `Network.open` is not a `Device`: further options of the device that
   * `open` makes: `crypto`, `limits`, ...
   */
  readonly device?: Partial<DeviceOptions> | undefined;
  /** If the first argument of `Network.open` is a `Device`: the TUN with which it was made. */
  readonly tun?: NetworkTun | undefined;
}

/** @throws {TypeError | RangeError} an option is wrong; the message names it */
export function checkNetworkOptions(options: NetworkOptions): void {
  checkObject(options, 'options', NAMES);
  if (options.dns !== undefined) checkDns(options.dns);
  if (options.lookup !== undefined) checkFunction(options.lookup, 'lookup');
  checkInteger(options.mtu, 'mtu', 1280, 65_535);
  checkInteger(options.handshakeTimeout, 'handshakeTimeout', 1, 2 ** 31 - 1);
  checkSignal(options.signal);
  if (options.resolve !== undefined) checkObject(options.resolve, 'resolve');
  if (options.device !== undefined) checkObject(options.device, 'device');
  if (options.file !== undefined) requireText(options.file, 'file');
  if (options.tun === undefined || options.tun instanceof NetworkTun) return;
  throw new TypeError(`"tun" expected a NetworkTun, got ${describe(options.tun)}`);
}

function checkDns(dns: readonly string[]): void {
  checkArray(dns, 'dns');
  const wrong = wrongServer(dns);
  if (wrong === undefined) return;
  throw new TypeError(
    `"dns" expected addresses of servers and search domains, got ${describe(wrong)}`,
  );
}

const NAMES = [
  'dns',
  'lookup',
  'mtu',
  'memory',
  'handshakeTimeout',
  'resolve',
  'file',
  'signal',
  'device',
  'tun',
];
