/**
 * `toDeviceConfiguration`: the part of a file that concerns the device, without the part that
 * concerns the host.
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
import { wipeSecrets } from '../device-change.ts';
import type { DeviceConfiguration } from '../device-configuration.ts';
import type { PeerInput, WgQuickInput } from './config.ts';
import { checkConfig } from './format-config.ts';

/**
 * Returns a change with the effect of `wg setconf`: fields that are not in the config are reset,
 * and peers that are not in the config are removed. A peer whose endpoint is a name keeps that name
 * as `endpointName`. Private and preshared keys are copied; the caller must wipe the copies with
 * `wipeSecrets`.
 *
 * @param endpoints the resolved address of each `HostEndpoint` object in the config
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`: `endpoints` has no address for a host name
 * @throws {TypeError | RangeError | WireGuardError} a field has a wrong type or is out of range;
 *   the message names it
 */
export function toDeviceConfiguration(
  config: WgQuickInput,
  endpoints: ReadonlyMap<HostEndpoint, Endpoint> = new Map(),
): DeviceConfiguration {
  checkConfig(config);
  const { privateKey, listenPort, fwmark } = config.interface;
  const peers: PeerConfiguration[] = [];
  const configuration: DeviceConfiguration = {
    privateKey:
      privateKey === undefined
        ? null
        : readField('interface.privateKey', () => parsePrivateKey(privateKey)),
    listenPort: listenPort ?? 0,
    fwmark: fwmark ?? 0,
    replacePeers: true,
    peers,
  };
  config.peers.forEach((peer, i) => {
    try {
      peers.push(toPeer(peer, endpoints));
    } catch (error) {
      wipeSecrets(configuration);
      throw withinField(error, `peers[${i}]`);
    }
  });
  return configuration;
}

/**
 * The preshared key is copied last, so that an error of another field never leaves a copy behind.
 */
function toPeer(
  peer: PeerInput,
  endpoints: ReadonlyMap<HostEndpoint, Endpoint>,
): PeerConfiguration {
  const { publicKey, presharedKey, endpoint, persistentKeepalive, allowedIps } = peer;
  return {
    publicKey: readPublicKey(publicKey, 'publicKey'),
    ...(endpoint !== undefined && resolved(endpoint, endpoints)),
    ...(persistentKeepalive !== undefined && { persistentKeepalive }),
    replaceAllowedIps: peer.incremental !== true,
    allowedIps: readAllowedIps(allowedIps, 'allowedIps'),
    ...(presharedKey !== undefined && {
      presharedKey: readField('presharedKey', () => parsePresharedKey(presharedKey)),
    }),
  };
}

/** Returns the address of an endpoint, and the text `HOST:PORT` if its host is a name. */
function resolved(
  given: string | Endpoint | HostEndpoint,
  endpoints: ReadonlyMap<HostEndpoint, Endpoint>,
): Pick<PeerConfiguration, 'endpoint' | 'endpointName'> {
  const endpoint = readHostEndpoint(given, 'endpoint');
  if (endpoint instanceof Endpoint) return { endpoint };
  const found = typeof given === 'string' ? undefined : endpoints.get(given as HostEndpoint);
  const endpointName = formatEndpoint(endpoint);
  if (found) return { endpoint: found, endpointName };
  throw new WireGuardError(
    'ERR_LITZ_INVALID_ENDPOINT',
    `"endpoints" expected an address for ${endpointName}`,
  );
}
