/**
 * `resolveZones`: replaces the interface names in endpoints (`[fe80::1%eth0]:51820`) by interface
 * numbers, which the sockets need.
 *
 * The number of an interface depends on the network namespace. So this runs in the thread that has
 * the sockets.
 *
 * @module
 */
import { Endpoint, WireGuardError } from '@litz/core';
import { quote } from '@litz/core/internals';

interface WithEndpoints {
  readonly peers?: readonly { readonly endpoint?: Endpoint }[];
}

/**
 * Returns the configuration with the number of an interface (`scopeId`) in place of each name.
 * Endpoints without an interface name stay as they are.
 *
 * @param interfaceIndex returns undefined if no interface has the name
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`: no interface has this name
 */
export function resolveZones<Change extends WithEndpoints>(
  configuration: Change,
  interfaceIndex: (name: string) => number | undefined,
): Change {
  const { peers } = configuration;
  if (!peers?.some(({ endpoint }) => endpoint?.zone !== undefined)) return configuration;
  return {
    ...configuration,
    peers: peers.map((peer, i) => {
      const { endpoint } = peer;
      if (endpoint?.zone === undefined) return peer;
      const scopeId = interfaceIndex(endpoint.zone);
      if (scopeId === undefined) throw noInterface(endpoint.zone, i);
      return { ...peer, endpoint: new Endpoint(endpoint.address, endpoint.port, { scopeId }) };
    }),
  };
}

function noInterface(zone: string, index: number): WireGuardError {
  return new WireGuardError(
    'ERR_LITZ_INVALID_ENDPOINT',
    `"peers[${index}].endpoint" expected the name of an interface as zone, found no interface ${quote(zone)}`,
  );
}
