/**
 * `TunnelFile`: a wg-quick file that was checked: Litz can carry out all of its fields.
 *
 * @module
 */
import {
  formatKey,
  nobleProvider,
  publicKeyOf,
  WireGuardError,
  type CryptoProvider,
  type Endpoint,
} from '@litz/core';
import { quote } from '@litz/core/internals';
import {
  ConfigError,
  fieldLines,
  formatCidr,
  parseConfig,
  type ConfigProblem,
  type HostEndpoint,
  type PeerSection,
  type WgQuickConfig,
} from '@litz/config';
import { readDnsSettings, wrongServer } from './dns-settings.ts';
import { MAXIMUM_MTU, MINIMUM_MTU_IPV6, type TunnelHooks, type TunnelRequest } from './plan.ts';
import { masked, type Prefix } from './prefix.ts';
import { resolveEndpoint, type ResolveOptions } from './resolve-endpoint.ts';
import { readRoutingTables } from './routing-tables.ts';
import { MAIN_TABLE } from './step.ts';

/** A parsed wg-quick file, with the names that errors need. */
export interface TunnelFile {
  /** The name of the interface. */
  readonly name: string;
  /** The name of the file, as the user wrote it; for errors. */
  readonly file: string;
  readonly config: WgQuickConfig;
  /** The `table` of `config`, with a name replaced by its number. */
  readonly table: TunnelRequest['table'];
}

/**
 * Parses a wg-quick file.
 *
 * @param options.routingTables the number of each routing table by its name; default: the tables of
 *   iproute2
 * @throws {ConfigError} lists the mistakes
 */
export function parseTunnelFile(
  text: string,
  options: { file: string; name: string; routingTables?: ReadonlyMap<string, number> },
): TunnelFile {
  const { file, name } = options;
  const config = parseConfig(text, { file });
  const table = tableOf(config, options.routingTables);
  const tunnelFile = { name, file, config, table: table ?? 'auto' };
  const problems = [...dnsProblems(tunnelFile), ...mtuProblems(tunnelFile)];
  if (table === undefined) problems.push(unknownTable(tunnelFile));
  if (problems.length > 0) throw new ConfigError(problems.sort((a, b) => a.line - b.line));
  return tunnelFile;
}

/**
 * Resolves all host names of the file at the same time.
 *
 * @throws {WireGuardError} (rejects) `ERR_LITZ_INVALID_ENDPOINT`, with the line of the first
 *   endpoint that failed
 */
export async function resolveEndpoints(
  { file, config }: TunnelFile,
  options: ResolveOptions = {},
): Promise<Map<HostEndpoint, Endpoint>> {
  const failed = new AbortController();
  const signals = options.signal ? [options.signal, failed.signal] : [failed.signal];
  const signal = AbortSignal.any(signals);
  const resolved = config.peers.map(async (peer) => {
    const { endpoint } = peer;
    if (!endpoint || !('host' in endpoint)) return [];
    try {
      return [[endpoint, await resolveEndpoint(endpoint, { ...options, signal })] as const];
    } catch (error) {
      if (!(error instanceof WireGuardError)) throw error;
      const origin = `${file}:${fieldLines(config, peer, 'Endpoint').at(-1)?.line}: Endpoint`;
      throw new WireGuardError(error.code, `${origin}: ${error.message}`, { cause: error });
    }
  });
  try {
    return new Map((await Promise.all(resolved)).flat());
  } finally {
    // Without this, the other look-ups would be retried for minutes.
    failed.abort();
  }
}

/**
 * Returns the request for a tunnel.
 *
 * @param endpoints the result of `resolveEndpoints`; default: none, for a file without host names
 * @param crypto computes the device's own public key; noble, the default, leaves copies of the
 *   private key that cannot be wiped
 */
export function toTunnelRequest(
  { name, config, table }: TunnelFile,
  endpoints: ReadonlyMap<HostEndpoint, Endpoint> = new Map(),
  crypto: CryptoProvider = nobleProvider,
): TunnelRequest {
  const { addresses, mtu, fwmark = 0, dns } = config.interface;
  const peers = otherPeers(config, crypto);
  return {
    name,
    addresses,
    mtu,
    table,
    mark: fwmark,
    allowedIps: effectivePrefixes(peers),
    dns: readDnsSettings(dns),
    hooks: hooksOf(config.interface, name),
    endpoints: peers.flatMap(({ endpoint }) => {
      const found = endpoint && 'host' in endpoint ? endpoints.get(endpoint) : endpoint;
      if (!found) return [];
      // A link-local endpoint is left out. Its interface is part of the endpoint, so the routing
      // table does not choose the way to it.
      return found.zone === undefined && found.scopeId === 0 ? [found.address] : [];
    }),
  };
}

/** Returns a hook with the name of the interface in place of `%i`. */
export function hookOf(value: string, name: string): string {
  return value.replaceAll('%i', name);
}

function hooksOf(section: WgQuickConfig['interface'], name: string): TunnelHooks {
  const of = (values: readonly string[]): string[] => values.map((value) => hookOf(value, name));
  const { preUp, postUp, preDown, postDown } = section;
  return { preUp: of(preUp), postUp: of(postUp), preDown: of(preDown), postDown: of(postDown) };
}

/** Returns the table's number; undefined if no table has this name. */
function tableOf(
  { interface: { table = 'auto' } }: WgQuickConfig,
  tables: ReadonlyMap<string, number> | undefined,
): TunnelRequest['table'] | undefined {
  if (table === 'auto' || table === 'off') return table;
  const number = typeof table === 'number' ? table : (tables ?? readRoutingTables()).get(table);
  // The kernel treats table 0 as the main table.
  return number === 0 ? MAIN_TABLE : number;
}

function unknownTable({ file, config }: TunnelFile): ConfigProblem {
  const { line = 0, value = '' } = fieldLines(config, config.interface, 'Table').at(-1) ?? {};
  const message = `expected "off", "auto", a number or a name of /etc/iproute2/rt_tables, got ${quote(value)}`;
  return { file, line, field: 'Table', message };
}

function dnsProblems({ file, config }: TunnelFile): ConfigProblem[] {
  return fieldLines(config, config.interface, 'DNS').flatMap(({ line, value }) => {
    const wrong = wrongServer(value.split(/[\s,]+/));
    if (wrong === undefined) return [];
    const message = `expected the address of a server or a search domain, got ${quote(wrong)}`;
    return [{ file, line, field: 'DNS', message }];
  });
}

/**
 * The kernel silently removes IPv6 from an interface whose MTU is below the minimum, so such an MTU
 * is a problem.
 */
function mtuProblems({ file, config }: TunnelFile): ConfigProblem[] {
  const { mtu, addresses } = config.interface;
  if (mtu === undefined) return [];
  const hasIpv6 = addresses.some(({ address }) => address.length === 16);
  const line = fieldLines(config, config.interface, 'MTU').at(-1)?.line ?? 0;
  const problem = (message: string): ConfigProblem[] => [{ file, line, field: 'MTU', message }];
  if (mtu > MAXIMUM_MTU) return problem(`expected at most ${MAXIMUM_MTU}, got ${mtu}`);
  if (!hasIpv6 || mtu >= MINIMUM_MTU_IPV6) return [];
  return problem(`expected at least ${MINIMUM_MTU_IPV6} with an IPv6 Address, got ${mtu}`);
}

/**
 * Leaves out a peer with the device's own key. The device ignores such a peer, so it must have no
 * routes.
 */
function otherPeers(
  { interface: { privateKey }, peers }: WgQuickConfig,
  crypto: CryptoProvider,
): PeerSection[] {
  if (!privateKey) return peers;
  const own = formatKey(publicKeyOf(privateKey, crypto));
  return peers.filter(({ publicKey }) => formatKey(publicKey) !== own);
}

/**
 * Returns the final prefixes of each peer. A file can repeat a key, and can remove prefixes with
 * `-`.
 */
function effectivePrefixes(peers: readonly PeerSection[]): Prefix[][] {
  const ofKeys = new Map<string, Map<string, Prefix>>();
  for (const { publicKey, incremental, allowedIps } of peers) {
    const key = formatKey(publicKey);
    const prefixes = (incremental && ofKeys.get(key)) || new Map<string, Prefix>();
    ofKeys.set(key, prefixes);
    for (const { remove, ...prefix } of allowedIps) {
      const text = formatCidr(masked(prefix));
      if (remove) prefixes.delete(text);
      else prefixes.set(text, prefix);
    }
  }
  return [...ofKeys.values()].map((prefixes) => [...prefixes.values()]);
}
