/**
 * `codeEndpoint`: writes or reads an endpoint with its sticky source, as a part of a handed-over
 * state.
 *
 * @module
 */
import { Endpoint } from '../endpoint.ts';
import type { StateCodec } from './state-codec.ts';

/**
 * Writes `endpoint`, or returns the endpoint that was read. Endpoints are immutable, so reading
 * makes a new object.
 */
export function codeEndpoint(
  codec: StateCodec,
  endpoint: Endpoint | undefined,
): Endpoint | undefined {
  const address = codec.optional(endpoint?.address);
  if (!address) return undefined;
  const port = codec.number(endpoint?.port ?? 0);
  const scopeId = codec.number(endpoint?.scopeId ?? 0);
  const zone = codec.text(endpoint?.zone ?? '');
  const sourceAddress = codec.optional(endpoint?.sourceAddress);
  const sourceInterface = codec.number(endpoint?.sourceInterface ?? 0);
  if (!codec.isReading) return endpoint;
  return new Endpoint(address, port, {
    scopeId,
    sourceInterface,
    ...(zone !== '' && { zone }),
    ...(sourceAddress && { sourceAddress }),
  });
}
