/**
 * Options of a stack, and `checkStackOptions`.
 *
 * @module
 */
import { checkFunction, checkInteger, checkObject, requireInteger } from '@litz/core/internals';

/** Options of `Stack`. */
export interface StackOptions {
  /** Fills its argument with random bytes that nobody can predict. */
  readonly randomBytes: (out: Uint8Array) => void;
  /** The addresses of the stack: texts, or 4 or 16 bytes, without a prefix length. */
  readonly addresses: readonly (string | Uint8Array)[];
  /** The MTU of the link in bytes, 1280 to 65535. Default 1420. */
  readonly mtu?: number;
  /**
   * How many bytes all socket buffers and fragments together may use. Default 64 MiB, at least 256
   * KiB.
   */
  readonly memory?: number;
  /** How many bytes of datagrams and control packets may wait to be taken. Default 1 MiB. */
  readonly outputQueue?: number;
}

/** The options with their defaults. */
export type CheckedStackOptions = Required<StackOptions>;

/** @throws {TypeError | RangeError} an option has the wrong type or is out of range */
export function checkStackOptions(options: StackOptions): CheckedStackOptions {
  checkObject(options, 'options', NAMES);
  checkFunction(options.randomBytes, 'randomBytes');
  if (!Array.isArray(options.addresses)) throw new TypeError('"addresses" expected an array');
  checkMtu(options.mtu);
  checkInteger(options.memory, 'memory', 2 ** 18, 2 ** 31 - 1);
  checkInteger(options.outputQueue, 'outputQueue', 2 ** 16, 2 ** 30);
  const { mtu = 1420, memory = 2 ** 26, outputQueue = 2 ** 20 } = options;
  return { ...options, mtu, memory, outputQueue };
}

/** @throws {TypeError | RangeError} not an integer from 1280 to 65535 */
export function checkMtu(mtu: number | undefined): void {
  // With less than 1280 bytes, IPv6 does not work (RFC 8200 5).
  if (mtu !== undefined) requireInteger(mtu, 'mtu', 1280, 65_535);
}

const NAMES = ['randomBytes', 'addresses', 'mtu', 'memory', 'outputQueue'];
