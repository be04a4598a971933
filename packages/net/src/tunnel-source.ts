/**
 * `readTunnelSource`: reads the parts of a wg-quick file that a network needs. Routes, marks and
 * hooks are left out, because they are for an interface of the system, which a network does not
 * have.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import {
  ConfigError,
  fieldLines,
  formatAddress,
  parseConfig,
  toDeviceConfiguration,
  type DeviceConfiguration,
  type HostEndpoint,
  type PeerInput,
  type WgQuickConfig,
  type WgQuickInput,
} from '@litz/config';
import { loadInputFile } from '@litz/config/uapi';
import { WireGuardError, type Endpoint } from '@litz/core';
import { describe, quote, readAllowedIps, readHostEndpoint } from '@litz/core/internals';
import { Device } from '@litz/device';
import { resolveEndpoint, wrongServer, type ResolveOptions } from '@litz/device/quick';

/** A checked configuration, from which a network can be made. */
export interface TunnelSource {
  readonly config: WgQuickInput;
  /** The name of the file, for errors. */
  readonly file: string;
  /** The addresses of the network. */
  readonly addresses: readonly string[];
  readonly dns: readonly string[];
  readonly mtu: number | undefined;
}

/** @throws {TypeError} a network cannot be made from `source` */
export function checkSource(source: unknown): void {
  if (typeof source === 'string' || source instanceof URL || source instanceof Device) return;
  const { interface: section, peers } = Object(source) as Partial<WgQuickInput>;
  if (typeof section === 'object' && section !== null && Array.isArray(peers)) return;
  const expected = '"source" expected the path of a file, a configuration or a Device';
  throw new TypeError(`${expected}, got ${describe(source)}`);
}

/**
 * Reads a file, or takes a configuration. A pipe is read for at most 20 s.
 *
 * @param name the name of a configuration, for errors
 * @param signal ends the reading of a file
 * @throws {ConfigError} (rejects) the file has a mistake, or lacks a key, an address or an endpoint
 * @throws {WireGuardError} (rejects) `ERR_LITZ_SYSTEM`: the path is a folder or a device file, the
 *   file is too long, or the writer of a pipe does not end
 * @throws {Error} (rejects) an error of `node:fs`, with its `code`
 */
export async function readTunnelSource(
  given: string | URL | WgQuickInput,
  name: string = 'configuration',
  signal?: AbortSignal,
): Promise<TunnelSource> {
  if (typeof given !== 'string' && !(given instanceof URL)) return checkTunnelSource(given, name);
  const file = given.toString();
  const text = await readText(given instanceof URL ? fileURLToPath(given) : given, file, signal);
  return checkTunnelSource(parseConfig(text, { file }), file, text);
}

/**
 * Checks a configuration, and opens nothing.
 *
 * @param text the text of the file, to name lines in errors
 * @throws {WireGuardError} the configuration lacks a key, an address or an endpoint, or a DNS
 *   server is wrong
 */
export function checkTunnelSource(
  config: WgQuickInput,
  file: string = 'configuration',
  text?: string,
): TunnelSource {
  const { privateKey, addresses, dns, listenPort, mtu } = config.interface;
  const problem = (section: string, field: string, message: string): WireGuardError => {
    const lines = fieldLines(config as WgQuickConfig, config.interface as never, field);
    const header = text === undefined ? undefined : headerLine(text, section);
    const line = lines.at(-1)?.line ?? header;
    if (line !== undefined) return new ConfigError([{ file, line, field, message }]);
    return new WireGuardError('ERR_LITZ_INVALID_CONFIG', `${file}: ${field}: ${message}`);
  };
  if (privateKey === undefined) {
    throw problem('Interface', 'PrivateKey', 'expected in [Interface], is missing');
  }
  if (addresses.length === 0) {
    throw problem('Interface', 'Address', 'expected in [Interface], is missing');
  }
  if (config.peers.length === 0) throw problem('Peer', 'PublicKey', 'expected a [Peer]');
  // Without a fixed port here, no peer can begin a handshake. So this side needs the endpoint of a
  // peer.
  if (!listenPort && config.peers.every(({ endpoint }) => endpoint === undefined)) {
    const expected = 'expected in a [Peer], or a ListenPort that the peer can reach';
    throw problem('Peer', 'Endpoint', expected);
  }
  const wrong = wrongServer(dns);
  if (wrong !== undefined) {
    const expected = `expected the address of a server or a search domain, got ${quote(wrong)}`;
    throw problem('Interface', 'DNS', expected);
  }
  const prefixes = readAllowedIps(addresses, 'interface.addresses');
  return {
    config,
    file,
    addresses: [...new Set(prefixes.map(({ address }) => formatAddress(address)))],
    dns,
    mtu,
  };
}

/**
 * Resolves to the configuration of the device. Endpoints that are names are looked up with the
 * resolver of the system, because the tunnel is not open yet.
 *
 * @throws {WireGuardError} (rejects) `ERR_LITZ_INVALID_ENDPOINT`, with the line of the file
 */
export async function toDevice(
  { config, file }: TunnelSource,
  options: ResolveOptions,
): Promise<DeviceConfiguration> {
  const endpoints = new Map<HostEndpoint, Endpoint>();
  const peers = await Promise.all(
    config.peers.map(async (peer) => {
      const endpoint = hostEndpointOf(peer);
      if (!endpoint) return peer;
      try {
        endpoints.set(endpoint, await resolveEndpoint(endpoint, options));
      } catch (error) {
        if (!(error instanceof WireGuardError)) throw error;
        const text = `${originOf(config, peer, file)}: ${error.message}`;
        throw new WireGuardError(error.code, text, { cause: error });
      }
      return { ...peer, endpoint };
    }),
  );
  const configuration = toDeviceConfiguration({ ...config, peers }, endpoints);
  // The mark is for the routing of the system, and needs a privilege.
  configuration.fwmark = 0;
  return configuration;
}

/**
 * Returns the endpoint of a peer if the host of the endpoint is a name. Returns undefined if the
 * host is an address, or if the peer has no endpoint.
 */
function hostEndpointOf({ endpoint }: PeerInput): HostEndpoint | undefined {
  if (endpoint === undefined) return undefined;
  // The same object must be returned, because it is a key of the map of endpoints.
  if (typeof endpoint === 'object' && 'host' in endpoint) return endpoint;
  const read = readHostEndpoint(endpoint, 'endpoint');
  return 'host' in read ? read : undefined;
}

/** @param file the name of the file, for errors */
async function readText(path: string, file: string, signal?: AbortSignal): Promise<string> {
  try {
    return await loadInputFile(path, { signal });
  } catch (error) {
    if (!(error instanceof WireGuardError)) throw error;
    throw new WireGuardError(error.code, `${file}: ${error.message}`, { cause: error });
  }
}

/** Returns the line number of the first header of a section, from 1; 1 if there is none. */
function headerLine(text: string, section: string): number {
  const header = `[${section.toLowerCase()}]`;
  const lines = text.split('\n');
  return (
    1 +
    Math.max(
      0,
      lines.findIndex((line) => line.trim().toLowerCase().startsWith(header)),
    )
  );
}

function originOf(config: WgQuickInput, peer: PeerInput, file: string): string {
  const lines = fieldLines(config as WgQuickConfig, peer as never, 'Endpoint');
  const line = lines.at(-1)?.line;
  return line === undefined ? `${file}: Endpoint` : `${file}:${line}: Endpoint`;
}
