/**
 * Endpoints and prefixes as they are passed to public functions: text or typed values. Anything else
 * is an error under the field's name. Keys are read by `@litz/core`.
 *
 * @module
 */
import {
  checkArray,
  describe,
  Endpoint,
  readAllowedIp as readTypedAllowedIp,
  readField,
  requireInteger,
  WireGuardError,
  type AllowedIp,
} from '@litz/core';
import { parseCidr } from './text/cidr.ts';
import { formatEndpoint, parseEndpoint, type HostEndpoint } from './text/endpoint.ts';

/**
 * @param list the field that has the value at `index`
 * @throws {TypeError | RangeError | WireGuardError} `ERR_LITZ_INVALID_CIDR`
 */
export function readAllowedIp(value: unknown, list: string, index: number): AllowedIp {
  if (typeof value !== 'string') return readTypedAllowedIp(value, list, index);
  return readField(`${list}[${index}]`, () => parseCidr(value));
}

/** @throws {TypeError | RangeError | WireGuardError} `ERR_LITZ_INVALID_CIDR` */
export function readAllowedIps(value: unknown, field: string): AllowedIp[] {
  checkArray(value, field);
  return (value as unknown[]).map((entry, i) => readAllowedIp(entry, field, i));
}

/**
 * With an address: names are for whoever asks to resolve.
 *
 * @throws {TypeError | WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`
 */
export function readEndpoint(value: unknown, field: string): Endpoint {
  const endpoint = readHostEndpoint(value, field);
  if (endpoint instanceof Endpoint) return endpoint;
  throw new WireGuardError(
    'ERR_LITZ_INVALID_ENDPOINT',
    `"${field}" expected an IP address, got the name "${formatEndpoint(endpoint)}": resolve it first`,
  );
}

/**
 * With an address or a name.
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
  requireInteger(port, `${field}.port`, 1, 0xffff);
  // Only what is read again: no second line comes out of it.
  return readField(field, () => parseEndpoint(formatEndpoint({ host, port: port as number })));
}
