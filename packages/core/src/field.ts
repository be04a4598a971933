/**
 * Checks values that a caller passes. The error names the field: `"peers[0].listenPort" expected
 * ...`.
 *
 * @module
 */
import { WireGuardError } from './errors.ts';
import { quote } from './quote.ts';

/**
 * @throws {TypeError} `value` is not an object, is a view of bytes, or has a property that is not
 *   in `known`
 */
export function checkObject(value: unknown, field: string, known?: readonly string[]): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) {
    throw new TypeError(`"${field}" expected an object, got ${describe(value)}`);
  }
  if (!known) return;
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const name = quote(key);
    throw new TypeError(`"${field}" expected one of ${known.join(', ')}, got ${name}`);
  }
}

/** @throws {TypeError} `value` is not a function */
export function checkFunction(value: unknown, field: string): void {
  if (typeof value === 'function') return;
  throw new TypeError(`"${field}" expected a function, got ${describe(value)}`);
}

/** @throws {TypeError} `value` is not a string */
export function requireText(value: unknown, field: string): asserts value is string {
  if (typeof value === 'string') return;
  throw new TypeError(`"${field}" expected a string, got ${describe(value)}`);
}

/** @throws {TypeError} `value` is not an array */
export function checkArray(value: unknown, field: string): void {
  if (Array.isArray(value)) return;
  throw new TypeError(`"${field}" expected an array, got ${describe(value)}`);
}

/** @throws {TypeError} `value` is neither a boolean nor undefined */
export function checkBoolean(value: unknown, field: string): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw new TypeError(`"${field}" expected true or false, got ${describe(value)}`);
}

/**
 * Accepts undefined.
 *
 * @throws {TypeError | RangeError} `value` is not an integer, or out of range
 */
export function checkInteger(value: unknown, field: string, min: number, max: number): void {
  if (value !== undefined) requireInteger(value, field, min, max);
}

/**
 * Does not accept undefined.
 *
 * @throws {TypeError | RangeError} `value` is not an integer, or out of range
 */
export function requireInteger(value: unknown, field: string, min: number, max: number): void {
  if (isInteger(value, min, max)) return;
  const expected = `"${field}" expected an integer from ${min} to ${max}`;
  if (typeof value !== 'number') throw new TypeError(`${expected}, got ${describe(value)}`);
  throw new RangeError(`${expected}, got ${value}`);
}

/**
 * Returns the result of `read`. If `read` throws an error, this function throws the error that
 * `withField` makes of it.
 */
export function readField<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw withField(error, field);
  }
}

/**
 * If `error` is a `WireGuardError` or a `TypeError`, returns a new error whose message begins with
 * the name of the field. Returns any other `error` unchanged.
 */
export function withField(error: unknown, field: string): unknown {
  if (error instanceof WireGuardError) {
    return new WireGuardError(error.code, `"${field}": ${error.message}`, { cause: error });
  }
  if (error instanceof TypeError) {
    return new TypeError(`"${field}": ${error.message}`, { cause: error });
  }
  return error;
}

/**
 * Adds the name of the containing object to an error: `"endpoint" expected ...` becomes
 * `"peers[3].endpoint" expected ...`. The full name is built only when there is an error, because
 * there may be a million peers.
 */
export function withinField(error: unknown, outer: string): unknown {
  if (error instanceof Error && error.message.startsWith('"')) {
    const rest = error.message.slice(1);
    // An empty name means the containing object itself.
    const dot = rest.startsWith('"') || rest.startsWith('[') ? '' : '.';
    error.message = `"${outer}${dot}${rest}`;
  }
  return error;
}

/** Describes a value for an error message. Never shows text or bytes, which may be a key. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? value.constructor?.name || 'an object' : `a ${typeof value}`;
}

function isInteger(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}
