/**
 * `resolveZones`: the interfaces that a configuration names in its endpoints, `[fe80::1%eth0]:51820`,
 * by their numbers, as sockets want them.
 *
 * It is done in the thread that has the sockets: what number a name has depends on its network
 * namespace.
 *
 * @module
 */
import { Endpoint, WireGuardError } from '@litz/core';
import { quote } from '@litz/core/internals';
import type { DeviceConfiguration } from '@litz/config';

/**
 * @param interfaceIndex undefined for a name that no interface has
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`: there is no such interface
 */
export function resolveZones(
  configuration: DeviceConfiguration,
  interfaceIndex: (name: string) => number | undefined,
): DeviceConfiguration {
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
    `"peers[${index}].endpoint" expected the zone of an interface, there is no ${quote(zone)}`,
  );
}
