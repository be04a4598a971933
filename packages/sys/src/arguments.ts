/**
 * Checks of what a caller hands to native code: a mistake throws under the argument's name, before
 * anything is read or written.
 *
 * A wrong number here would not be an exception later but a write into foreign memory. So each of these
 * takes `unknown`: what a type says is no proof.
 *
 * @module
 */

/**
 * @throws {TypeError} it is no number
 * @throws {RangeError} it is no integer from `min` to `max`
 */
export function checkInteger(name: string, value: unknown, min: number, max: number): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`"${name}" expected an integer from ${min} to ${max}, got ${value}`);
}

/** A file descriptor. Of a closed object it is -1, which the kernel answers with EBADF. */
export function checkDescriptor(name: string, value: unknown): void {
  checkInteger(name, value, -1, 0x7fff_ffff);
}

/** @throws {TypeError} it is no Uint8Array (a Buffer is one) */
export function checkBytes(name: string, value: unknown): void {
  if (!(value instanceof Uint8Array)) throw wrongType(name, 'a Uint8Array', value);
}

/**
 * That `length` bytes at `offset` stand within `buffer` now: of a detached buffer nothing does. Costs a
 * few comparisons.
 *
 * @throws {TypeError} `buffer` is no Uint8Array
 * @throws {RangeError} `offset` or `length` is no integer, or reaches out of the buffer
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

/** @throws {TypeError} it is neither 4 nor 16 bytes */
export function checkAddress(name: string, value: unknown): void {
  checkBytes(name, value);
  const { length } = value as Uint8Array;
  if (length === 4 || length === 16) return;
  throw new TypeError(`"${name}" expected 4 or 16 bytes, got ${length}`);
}

/**
 * Text that C reads up to its first zero byte.
 *
 * @throws {TypeError} it is no string, is empty or has a zero character
 * @throws {RangeError} it takes more than `longest` bytes
 */
export function checkString(name: string, value: unknown, longest = 4095): void {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
  if (value === '') throw new TypeError(`"${name}" expected some text, got none`);
  if (value.includes('\0')) throw new TypeError(`"${name}" expected no zero character, got one`);
  const { length } = new TextEncoder().encode(value);
  if (length <= longest) return;
  throw new RangeError(`"${name}" expected at most ${longest} bytes, got ${length}`);
}

/** @throws {TypeError} it is no number: NaN would be taken for no time at all, and a caller spin */
export function checkTimeout(name: string, value: unknown): void {
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw new TypeError(`"${name}" expected a number of milliseconds, got ${String(value)}`);
  }
}

/** @throws {TypeError} it is neither true nor false, nor left out */
export function checkFlag(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw wrongType(name, 'true or false', value);
}

/** @throws {TypeError} it is no object */
export function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw wrongType(name, 'an object', value);
}

/** @throws {TypeError} it is no function */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value);
}

/** Says what it is, never what is in it. */
function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`"${name}" expected ${expected}, got ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  return Object.prototype.toString.call(value).slice(8, -1);
}
