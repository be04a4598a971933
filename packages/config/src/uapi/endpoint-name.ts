/**
 * `readEndpointName`: the value of `litz_endpoint_name`, in requests and in answers.
 *
 * @module
 */
import { fromByteText, tryParseEndpoint } from '@litz/core/internals';

/**
 * Returns the name, or an empty text if the value is empty. Returns undefined if the value is not
 * `HOST:PORT`, or if the host is an address.
 */
export function readEndpointName(value: string): string | undefined {
  const name = fromByteText(value);
  if (!name) return name;
  const endpoint = tryParseEndpoint(name);
  return endpoint && 'host' in endpoint ? name : undefined;
}
