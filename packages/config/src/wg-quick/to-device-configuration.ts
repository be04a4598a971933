/**
 * `toDeviceConfiguration`: what a file says about the device, without what it says about the host.
 *
 * @module
 */
import {
  Endpoint,
  formatEndpoint,
  parsePresharedKey,
  parsePrivateKey,
  WireGuardError,
  type HostEndpoint,
  type PeerConfiguration,
} from '@litz/core';
import {
  readAllowedIps,
  readField,
  readHostEndpoint,
  readPublicKey,
  withinField,
} from '@litz/core/internals';
import type { DeviceConfiguration } from '../device-configuration.ts';
import type { PeerInput, WgQuickInput } from './config.ts';
import { checkConfig } from './format-config.ts';

/**
 * As `wg setconf` has it: what the file does not name is reset, peers that it does not name go.
 *
 * @param endpoints what the names in the config's endpoints were resolved to
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`: a name is not among them
 * @throws {TypeError | RangeError | WireGuardError} a field of the wrong type or range, by its name
 */
export function toDeviceConfiguration(
  config: WgQuickInput,
  endpoints: ReadonlyMap<HostEndpoint, Endpoint> = new Map(),
): DeviceConfiguration {
  checkConfig(config);
  const { privateKey, listenPort, fwmark } = config.interface;
  return {
    privateKey:
      privateKey === undefined
        ? null
        : readField('interface.privateKey', () => parsePrivateKey(privateKey)),
    listenPort: listenPort ?? 0,
    fwmark: fwmark ?? 0,
    replacePeers: true,
    peers: config.peers.map((peer, i) => {
      try {
        return toPeer(peer, endpoints);
      } catch (error) {
        throw withinField(error, `peers[${i}]`);
      }
    }),
  };
}

function toPeer(
  peer: PeerInput,
  endpoints: ReadonlyMap<HostEndpoint, Endpoint>,
): PeerConfiguration {
  const { publicKey, presharedKey, endpoint, persistentKeepalive, allowedIps } = peer;
  return {
    publicKey: readPublicKey(publicKey, 'publicKey'),
    ...(presharedKey !== undefined && {
      presharedKey: readField('presharedKey', () => parsePresharedKey(presharedKey)),
    }),
    ...(endpoint !== undefined && { endpoint: resolved(endpoint, endpoints) }),
    ...(persistentKeepalive !== undefined && { persistentKeepalive }),
    replaceAllowedIps: peer.incremental !== true,
    allowedIps: readAllowedIps(allowedIps, 'allowedIps'),
  };
}

function resolved(
  given: string | Endpoint | HostEndpoint,
  endpoints: ReadonlyMap<HostEndpoint, Endpoint>,
): Endpoint {
  const found = typeof given === 'string' ? undefined : endpoints.get(given as HostEndpoint);
  if (found) return found;
  const endpoint = readHostEndpoint(given, 'endpoint');
  if (endpoint instanceof Endpoint) return endpoint;
  throw new WireGuardError(
    'ERR_LITZ_INVALID_ENDPOINT',
    `"endpoints" expected an address for ${formatEndpoint(endpoint)}`,
  );
}
