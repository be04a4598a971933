/**
 * Checks of arguments for native code. A mistake throws an error that names the argument, before
 * anything is read or written.
 *
 * Native code does not check a number. With a wrong number it could overwrite any memory of the
 * process. So all checks take `unknown`, because a declared type proves nothing at run time.
 *
 * @module
 */

/**
 * Checks for an integer within limits.
 *
 * @throws {TypeError} the value is not a number
 * @throws {RangeError} the value is not an integer from `min` to `max`
 */
export function checkInteger(name: string, value: unknown, min: number, max: number): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`"${name}" expected an integer from ${min} to ${max}, got ${value}`);
}

/**
 * Checks for a file descriptor. -1 is allowed: it is the descriptor of a closed object, and the
 * kernel returns EBADF for it.
 */
export function checkDescriptor(name: string, value: unknown): void {
  checkInteger(name, value, -1, 0x7fff_ffff);
}

/** @throws {TypeError} the value is not a Uint8Array (a Buffer is one) */
export function checkBytes(name: string, value: unknown): void {
  if (!(value instanceof Uint8Array)) throw wrongType(name, 'a Uint8Array', value);
}

/**
 * Checks that `length` bytes at `offset` are within `buffer` now. A detached buffer has length 0.
 * Costs a few comparisons.
 *
 * @throws {TypeError} `buffer` is not a Uint8Array
 * @throws {RangeError} `offset` or `length` is not an integer, or the bytes are outside the buffer
 */
export function checkSpan(buffer: Uint8Array, offset: number, length: number): void {
  if (
    buffer instanceof Uint8Array &&
    Number.isInteger(offset) &&
    Number.isInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= buffer.length
  ) {
    return;
  }
  checkBytes('buffer', buffer);
  checkInteger('offset', offset, 0, buffer.length);
  checkInteger('length', length, 0, buffer.length - offset);
}

/** Checks for an IP address. @throws {TypeError} the value does not have 4 or 16 bytes */
export function checkAddress(name: string, value: unknown): void {
  checkBytes(name, value);
  const { length } = value as Uint8Array;
  if (length === 4 || length === 16) return;
  throw new TypeError(`"${name}" expected 4 or 16 bytes, got ${length}`);
}

/**
 * Checks for a text that C can read: C stops at the first zero byte.
 *
 * @throws {TypeError} the value is not a string, is empty, or contains a zero character
 * @throws {RangeError} the value takes more than `longest` bytes in UTF-8
 */
export function checkString(name: string, value: unknown, longest = 4095): void {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
  if (value === '') throw new TypeError(`"${name}" expected some text, got none`);
  if (value.includes('\0')) throw new TypeError(`"${name}" expected no zero character, got one`);
  const { length } = new TextEncoder().encode(value);
  if (length <= longest) return;
  throw new RangeError(`"${name}" expected at most ${longest} bytes, got ${length}`);
}

/**
 * @throws {TypeError} the value is not a number. NaN is refused, because it would count as a time
 *   of 0, and the caller would loop without a pause.
 */
export function checkTimeout(name: string, value: unknown): void {
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw new TypeError(`"${name}" expected a number of milliseconds, got ${String(value)}`);
  }
}

/** @throws {TypeError} the value is not true, false or undefined */
export function checkFlag(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw wrongType(name, 'true or false', value);
}

/** @throws {TypeError} the value is not an object */
export function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw wrongType(name, 'an object', value);
}

/** @throws {TypeError} the value is not a function */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value);
}

/** Returns an error that names the kind of the value, never its content. */
function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`"${name}" expected ${expected}, got ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  return Object.prototype.toString.call(value).slice(8, -1);
}
