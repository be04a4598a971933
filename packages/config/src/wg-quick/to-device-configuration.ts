/**
 * `toDeviceConfiguration`: what a file says about the device, without what it says about the host.
 *
 * @module
 */
import {
  Endpoint,
  formatEndpoint,
  WireGuardError,
  type HostEndpoint,
  type PeerConfiguration,
} from '@litz/core';
import type { DeviceConfiguration } from '../device-configuration.ts';
import type { PeerSection, WgQuickConfig } from './config.ts';

/**
 * As `wg setconf` has it: what the file does not name is reset, peers that it does not name go.
 *
 * @param endpoints what the names in the config's endpoints were resolved to
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`: a name is not among them
 */
export function toDeviceConfiguration(
  config: WgQuickConfig,
  endpoints: ReadonlyMap<HostEndpoint, Endpoint> = new Map(),
): DeviceConfiguration {
  const { privateKey, listenPort, fwmark } = config.interface;
  return {
    privateKey: privateKey ?? null,
    listenPort: listenPort ?? 0,
    fwmark: fwmark ?? 0,
    replacePeers: true,
    peers: config.peers.map((peer) => toPeer(peer, endpoints)),
  };
}

function toPeer(
  peer: PeerSection,
  endpoints: ReadonlyMap<HostEndpoint, Endpoint>,
): PeerConfiguration {
  const { publicKey, presharedKey, endpoint, persistentKeepalive, allowedIps } = peer;
  return {
    publicKey,
    ...(presharedKey && { presharedKey }),
    ...(endpoint && { endpoint: resolved(endpoint, endpoints) }),
    ...(persistentKeepalive !== undefined && { persistentKeepalive }),
    replaceAllowedIps: peer.incremental !== true,
    allowedIps,
  };
}

function resolved(
  endpoint: Endpoint | HostEndpoint,
  endpoints: ReadonlyMap<HostEndpoint, Endpoint>,
): Endpoint {
  const found = endpoint instanceof Endpoint ? endpoint : endpoints.get(endpoint);
  if (found) return found;
  throw new WireGuardError(
    'ERR_LITZ_INVALID_ENDPOINT',
    `"endpoints" expected an address for ${formatEndpoint(endpoint)}`,
  );
}
