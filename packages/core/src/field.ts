/**
 * Checks of what a caller passes, under the field's name: `"peers[0].listenPort" expected ...`.
 *
 * @module
 */
import { WireGuardError } from './errors.ts';
import { quote } from './quote.ts';

/** @throws {TypeError} `value` is no object, or has a property that is not among `known` */
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

/** @throws {TypeError} */
export function checkFunction(value: unknown, field: string): void {
  if (typeof value === 'function') return;
  throw new TypeError(`"${field}" expected a function, got ${describe(value)}`);
}

/** @throws {TypeError} */
export function requireText(value: unknown, field: string): asserts value is string {
  if (typeof value === 'string') return;
  throw new TypeError(`"${field}" expected a text, got ${describe(value)}`);
}

/** @throws {TypeError} */
export function checkArray(value: unknown, field: string): void {
  if (Array.isArray(value)) return;
  throw new TypeError(`"${field}" expected an array, got ${describe(value)}`);
}

/** undefined is right. @throws {TypeError} */
export function checkBoolean(value: unknown, field: string): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw new TypeError(`"${field}" expected true or false, got ${describe(value)}`);
}

/** undefined is right. @throws {TypeError | RangeError} */
export function checkInteger(value: unknown, field: string, min: number, max: number): void {
  if (value !== undefined) requireInteger(value, field, min, max);
}

/** As `checkInteger`, of a field that must be there. @throws {TypeError | RangeError} */
export function requireInteger(value: unknown, field: string, min: number, max: number): void {
  if (isInteger(value, min, max)) return;
  const expected = `"${field}" expected an integer from ${min} to ${max}`;
  if (typeof value !== 'number') throw new TypeError(`${expected}, got ${describe(value)}`);
  throw new RangeError(`${expected}, got ${value}`);
}

/** What `read` returns; what it throws names the field. */
export function readField<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw withField(error, field);
  }
}

/** An error of a value, with the name of its field in front; anything else stays what it is. */
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
 * An error of a field within what `outer` names: `"endpoint" expected ...` becomes
 * `"peers[3].endpoint" expected ...`. Names are so put together on the way to an error only: there may
 * be a million peers.
 */
export function withinField(error: unknown, outer: string): unknown {
  if (error instanceof Error && error.message.startsWith('"')) {
    const rest = error.message.slice(1);
    // A field without a name of its own is the outer one.
    const dot = rest.startsWith('"') || rest.startsWith('[') ? '' : '.';
    error.message = `"${outer}${dot}${rest}`;
  }
  return error;
}

/** For messages; never shows what may be a key. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? value.constructor?.name || 'an object' : `a ${typeof value}`;
}

function isInteger(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}
