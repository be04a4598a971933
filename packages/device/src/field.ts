/**
 * Checks of what a caller passes, under the field's name: `"peers[0].listenPort" expected ...`.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';
import { quote } from '@litz/core/internals';

/** @throws {TypeError} `value` is no object, or has a property that is not among `known` */
export function checkObject(value: unknown, field: string, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) {
    throw new TypeError(`"${field}" expected an object, got ${describe(value)}`);
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const name = quote(key);
    throw new TypeError(`"${field}" expected one of ${known.join(', ')}, got ${name}`);
  }
}

/** @throws {TypeError} */
export function checkArray(value: unknown, field: string): void {
  if (Array.isArray(value)) return;
  throw new TypeError(`"${field}" expected an array, got ${describe(value)}`);
}

/** @throws {TypeError} */
export function checkBoolean(value: unknown, field: string): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw new TypeError(`"${field}" expected true or false, got ${describe(value)}`);
}

/** @throws {TypeError | RangeError} */
export function checkInteger(value: unknown, field: string, min: number, max: number): void {
  if (value === undefined) return;
  const expected = `"${field}" expected an integer from ${min} to ${max}`;
  if (typeof value !== 'number') throw new TypeError(`${expected}, got ${describe(value)}`);
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${expected}, got ${value}`);
}

/** What `read` returns; what it throws names the field. */
export function readField<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireGuardError) {
      throw new WireGuardError(error.code, `"${field}": ${error.message}`, { cause: error });
    }
    if (error instanceof TypeError) {
      throw new TypeError(`"${field}": ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** For messages; never shows what may be a key. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? value.constructor?.name || 'an object' : `a ${typeof value}`;
}
