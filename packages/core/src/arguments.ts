/**
 * Checks the arguments of `Engine`. A mistake of the caller throws at once, and the message names
 * the argument.
 *
 * @module
 */
import { DEFAULT_MTU, REJECT_AFTER_MESSAGES } from './constants.ts';
import type { EngineOptions } from './engine-options.ts';
import { checkFunction, checkObject } from './field.ts';

/** @throws {TypeError} `bytes` is not a Uint8Array */
export function checkBytes(bytes: unknown, name: string): void {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(`"${name}" expected a Uint8Array, got ${typeof bytes}`);
  }
}

/**
 * @throws {TypeError} `now` is not a number, not finite, or beyond 2^53 - 1; such a time would stop
 *   all timers silently
 */
export function checkTime(now: number): void {
  if (!(Math.abs(now) <= Number.MAX_SAFE_INTEGER) || typeof now !== 'number') {
    throw new TypeError(`"now" expected a finite number of milliseconds, got ${String(now)}`);
  }
}

/**
 * @throws {TypeError} `buffer` is not a Uint8Array
 * @throws {RangeError} `offset` or `length` is not an integer, or the range is not within the
 *   buffer. The range is the `length` bytes at `offset`, the `before` bytes in front of them, and
 *   the `behind` bytes after them.
 */
export function checkRange(
  buffer: Uint8Array,
  offset: number,
  length: number,
  before: number,
  behind: number,
): void {
  checkBytes(buffer, 'buffer');
  if (!Number.isInteger(offset) || offset < before) {
    throw new RangeError(`"offset" expected an integer of at least ${before}, got ${offset}`);
  }
  if (!Number.isInteger(length) || length < 0 || offset + length + behind > buffer.length) {
    throw new RangeError(
      `"length" expected 0 to ${buffer.length - offset - behind} at offset ${offset}, got ${length}`,
    );
  }
}

/** @throws {RangeError} `mtu` is not an integer from 1 to 65535 */
export function checkMtu(mtu: number): void {
  if (!Number.isInteger(mtu) || mtu < 1 || mtu > 65535) {
    throw new RangeError(`"mtu" expected an integer from 1 to 65535, got ${mtu}`);
  }
}

/** @throws {TypeError | RangeError} an option has the wrong type or is out of range */
export function checkOptions(options: EngineOptions): void {
  checkObject(options, 'options', ENGINE_OPTIONS);
  const { mtu = DEFAULT_MTU, limits = {}, underLoad = {} } = options;
  checkFunction(options.randomBytes, 'randomBytes');
  checkFunction(options.unixTime, 'unixTime');
  checkMtu(mtu);
  checkPositive(options.handshakeGiveUpMs, 'handshakeGiveUpMs');
  checkObject(limits, 'limits', LIMITS);
  checkPositive(limits.rekeyAfterMessages, 'limits.rekeyAfterMessages');
  checkPositive(limits.rejectAfterMessages, 'limits.rejectAfterMessages');
  if ((limits.rejectAfterMessages ?? 0) > REJECT_AFTER_MESSAGES) {
    throw new RangeError('"limits.rejectAfterMessages" expected at most 2^53 - 2^13 - 1');
  }
  checkObject(underLoad, 'underLoad', ['handshakesPerSecond']);
  checkPositive(underLoad.handshakesPerSecond, 'underLoad.handshakesPerSecond');
}

function checkPositive(value: number | undefined, name: string): void {
  if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
    throw new RangeError(`"${name}" expected a number above 0, got ${value}`);
  }
}

const LIMITS = ['rekeyAfterMessages', 'rejectAfterMessages'];
const ENGINE_OPTIONS = [
  'randomBytes',
  'unixTime',
  'crypto',
  'mtu',
  'handshakeGiveUpMs',
  'limits',
  'underLoad',
];
