/**
 * Reads keys, endpoints and prefixes that are passed to public functions, as text or as typed
 * values. An error names the field.
 *
 * @module
 */
import type { AllowedIp } from './configuration.ts';
import { KEY_LENGTH } from './constants.ts';
import { wipe } from './crypto/wipe.ts';
import { Endpoint } from './endpoint.ts';
import { WireGuardError } from './errors.ts';
import {
  checkArray,
  checkBoolean,
  requireInteger,
  requireText,
  checkObject,
  describe,
  readField,
  withField,
  withinField,
} from './field.ts';
import {
  isZeroKey,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  PresharedKey,
  PublicKey,
  type PrivateKey,
} from './keys.ts';
import { quote } from './quote.ts';
import { checkPrefix, parseCidr } from './text/cidr.ts';
import {
  formatEndpoint,
  parseEndpoint,
  tryParseEndpoint,
  type HostEndpoint,
} from './text/endpoint.ts';
import { MAX_UINT16 } from './text/unsigned.ts';

/**
 * If the value is a PublicKey, returns the same object. If it is text or other bytes, returns a new
 * key.
 *
 * @throws {TypeError | WireGuardError} `ERR_LITZ_INVALID_KEY`
 */
export function readPublicKey(value: unknown, field: string): PublicKey {
  if (value instanceof PublicKey && value.length === KEY_LENGTH) return value;
  try {
    return parsePublicKey(value as string);
  } catch (error) {
    throw withField(error, field);
  }
}

/**
 * Returns a new key, which the caller must wipe; undefined for null. All zeros are refused, because
 * they usually mean that a key was forgotten or already wiped. A caller who wants no key passes
 * null.
 *
 * @throws {TypeError | WireGuardError} `ERR_LITZ_INVALID_KEY`
 */
export function readPrivateKey(value: unknown, field: string): PrivateKey | undefined {
  if (value === null) return undefined;
  try {
    return parsePrivateKey(value as string);
  } catch (error) {
    throw withField(error, field);
  }
}

/**
 * Returns a new key, which the caller must wipe; undefined for null and for all zeros.
 *
 * @throws {TypeError | WireGuardError} `ERR_LITZ_INVALID_KEY`
 */
export function readPresharedKey(value: unknown, field: string): PresharedKey | undefined {
  if (value === null) return undefined;
  try {
    const key = parsePresharedKey(value as string);
    return isZeroKey(key) ? undefined : key;
  } catch (error) {
    throw withField(error, field);
  }
}

/** Throws what `readPrivateKey` throws. Accepts undefined. Keeps no copy of the key. */
export function checkPrivateKey(value: unknown, field: string): void {
  if (value !== undefined) wipe(readPrivateKey(value, field));
}

/** Throws what `readPresharedKey` throws. Accepts undefined. Keeps no copy of the key. */
export function checkPresharedKey(value: unknown, field: string): void {
  if (value === undefined || (value instanceof PresharedKey && value.length === KEY_LENGTH)) return;
  wipe(readPresharedKey(value, field));
}

/**
 * Reads an endpoint with an IP address. A host name is refused: the caller must resolve it.
 *
 * @throws {TypeError | RangeError | WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`
 */
export function readEndpoint(value: unknown, field: string): Endpoint {
  const endpoint = readHostEndpoint(value, field);
  if (endpoint instanceof Endpoint) return endpoint;
  throw new WireGuardError(
    'ERR_LITZ_INVALID_ENDPOINT',
    `"${field}" expected an IP address, got the name ${quote(endpoint.host)}: resolve it first`,
  );
}

/**
 * Checks the name of an endpoint. Accepts undefined, and an empty text, which removes a name.
 *
 * @throws {TypeError | WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`: not `HOST:PORT`, or an address
 */
export function checkEndpointName(value: unknown, field: string): void {
  if (value === undefined || value === '') return;
  requireText(value, field);
  const endpoint = tryParseEndpoint(value);
  if (endpoint && 'host' in endpoint) return;
  throw new WireGuardError(
    'ERR_LITZ_INVALID_ENDPOINT',
    `"${field}" expected HOST:PORT, got ${quote(value)}`,
  );
}

/**
 * Reads an endpoint with an IP address or a host name.
 *
 * @throws {TypeError | RangeError | WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`
 */
export function readHostEndpoint(value: unknown, field: string): Endpoint | HostEndpoint {
  if (value instanceof Endpoint) return value;
  if (typeof value === 'string') return readField(field, () => parseEndpoint(value));
  const { host, port } = (value ?? {}) as Partial<HostEndpoint>;
  if (typeof host !== 'string') {
    throw new TypeError(`"${field}" expected 'ADDRESS:PORT', got ${describe(value)}`);
  }
  requireInteger(port, `${field}.port`, 1, MAX_UINT16);
  // The endpoint is formatted and parsed again, so that the result cannot contain invalid text,
  // such as a line break.
  return readField(field, () => parseEndpoint(formatEndpoint({ host, port: port as number })));
}

/** @throws {TypeError | RangeError | WireGuardError} `ERR_LITZ_INVALID_CIDR` */
export function readAllowedIps(value: unknown, field: string): AllowedIp[] {
  checkArray(value, field);
  return (value as unknown[]).map((entry, i) => readAllowedIp(entry, field, i));
}

/**
 * @param list the name of the list; `value` is its entry at `index`
 * @throws {TypeError | RangeError | WireGuardError} `ERR_LITZ_INVALID_CIDR`
 */
export function readAllowedIp(value: unknown, list: string, index: number): AllowedIp {
  if (typeof value === 'string') return readField(`${list}[${index}]`, () => parseCidr(value));
  try {
    return readPrefix(value);
  } catch (error) {
    throw withinField(error, `${list}[${index}]`);
  }
}

/** Checks the fields of an `AllowedIp`. An error names the field within this object. */
function readPrefix(value: unknown): AllowedIp {
  checkObject(value, '', ALLOWED_IP_FIELDS);
  const entry = value as AllowedIp;
  checkPrefix(entry.address, entry.prefixLength);
  checkBoolean(entry.remove, 'remove');
  return entry;
}

const ALLOWED_IP_FIELDS = ['address', 'prefixLength', 'remove'];
