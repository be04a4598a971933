/**
 * `runProxy`: reads the file of a tunnel, opens the tunnel without an interface, and runs the
 * services of the proxy until a signal comes or the connection of `--stdio` has ended.
 *
 * @module
 */
import { join } from 'node:path';
import { parseConfig, wipeSecrets, type WgQuickConfig } from '@litz/config';
import { closeAll } from '../../close-all.ts';
import { aborted } from '../../end-signals.ts';
import { possibleConnections } from '../../limits.ts';
import { createLog, logLevel } from '../../log.ts';
import { AliveCheck } from '../../proxy/alive-check.ts';
import { startInfo } from '../../proxy/info-server.ts';
import { checkServices, readProxyFlags, type ProxyFlags } from '../../proxy/proxy-flags.ts';
import { readProxyFile, type ProxyFile } from '../../proxy/proxy-file.ts';
import type { PeerFigures } from '../../proxy/proxy-metrics.ts';
import type { ProxyNetwork } from '../../proxy/proxy-network.ts';
import type { ProxySettings } from '../../proxy/settings.ts';
import type { StdioStreams } from '../../proxy/stdio-service.ts';
import { openServices, TunnelProxy } from '../../proxy/tunnel-proxy.ts';
import { readTunnelFile } from '../../read-tunnel-file.ts';
import { contradiction } from '../agent/flag-failure.ts';

/** A tunnel without an interface, and its network. */
export interface OpenNetwork extends ProxyNetwork {
  /** Rejects if the tunnel is lost; never resolves. */
  readonly lost: Promise<never>;
  ping(address: string, options: { timeout: number }): Promise<unknown>;
  peers(): Promise<PeerFigures[]>;
  close(): Promise<void>;
}

/** What a proxy needs from its process. */
export interface RunProxyOptions {
  /** LOG_LEVEL, passwords, and the variables that the file names. */
  readonly env: NodeJS.ProcessEnv;
  /** Ends the proxy. */
  readonly signal: AbortSignal;
  /** Called with lines for the user, without a line feed. */
  readonly print: (line: string) => void;
  /**
   * Called when everything is served. `isAlive` resolves if the packet loop of the tunnel answers,
   * even if no peer answers.
   */
  readonly onReady?: (isAlive: () => Promise<unknown>) => void;
  readonly streams: StdioStreams;
  /** Throws if no tunnel can be made from the configuration. Opens nothing. */
  readonly checkTunnel: (config: WgQuickConfig, file: string) => void;
  /** Opens the tunnel. The keys of the configuration are wiped afterwards. */
  readonly openNetwork: (
    config: WgQuickConfig,
    options: { file: string; signal: AbortSignal; log: (line: string) => void },
  ) => Promise<OpenNetwork>;
}

/**
 * Runs a proxy. Resolves when everything is closed, after the proxy was asked to end or the
 * connection of `--stdio` has ended. If `--check` is given, only checks the file and the flags.
 *
 * @param target FILE.conf, or the name of an interface: /etc/wireguard/NAME.conf
 * @throws {Failure | WireGuardError} the file, a flag or the tunnel is wrong, or a port is taken
 * @throws (rejects) the tunnel was lost; the error says why
 */
export async function runProxy(
  target: string,
  flags: ProxyFlags,
  options: RunProxyOptions,
): Promise<void> {
  const { env, print, signal } = options;
  const prepared = prepare(target, flags, options);
  const { config, settings, file } = prepared;
  if (flags.check === true) {
    try {
      options.checkTunnel(config, prepared.tunnelFile);
    } finally {
      wipeSecrets({ ...config.interface, peers: config.peers });
    }
    print(`${file}: nothing is wrong`);
    return;
  }
  const log = createLog(logLevel(env['LOG_LEVEL']), 'proxy', (line) => print(line.trimEnd()));
  const verbose = (line: string): void => log.verbose(line);
  let network: OpenNetwork;
  try {
    network = await options.openNetwork(config, {
      file: prepared.tunnelFile,
      signal,
      log: (line) => print(`${file}: ${line}`),
    });
  } finally {
    wipeSecrets({ ...config.interface, peers: config.peers });
  }
  const opened: { close(): void | Promise<void> }[] = [network];
  try {
    const maxConnections = possibleConnections(settings.maxConnections);
    const proxy = await TunnelProxy.start(
      { ...settings, maxConnections },
      { network, log: verbose },
    );
    opened.push(proxy);
    const info = await openInfo(settings, { network, proxy, opened });
    report(prepared, [...proxy.descriptions, ...info], options);
    options.onReady?.(() => network.peers());
    const hasStdio = settings.services.some(({ type }) => type === 'stdio');
    const ends = hasStdio ? [proxy.connectStdio(options.streams)] : [];
    await Promise.race([aborted(signal), network.lost, ...ends]);
  } finally {
    await closeAll(...opened.toReversed().map((part) => () => part.close()));
  }
}

interface Prepared {
  /** The file, as the user named it. */
  readonly file: string;
  /** The file that has `[Interface]`: `file`, or the one that its `WGConfig` names. */
  readonly tunnelFile: string;
  readonly config: WgQuickConfig;
  readonly settings: ProxySettings;
}

/** Reads the file and the flags. Opens nothing. */
function prepare(target: string, flags: ProxyFlags, options: RunProxyOptions): Prepared {
  const { env, print } = options;
  const { services, info } = readProxyFlags(flags, { env, warn: print });
  const isFile = target.includes('/') || target.endsWith('.conf');
  const file = isFile ? target : join('/etc/wireguard', `${target}.conf`);
  const read = readProxyFile(readTunnelFile(file, print), file, env);
  const settings: ProxySettings = {
    services: [...read.services, ...services],
    info,
    maxConnections: flags.maxConnections,
    checkAlive: read.checkAlive,
    checkAliveMs: read.checkAliveMs ?? CHECK_ALIVE_MS,
  };
  checkServices(settings.services, info);
  const tunnelFile = read.tunnelFile ?? file;
  return { file, tunnelFile, config: readTunnel(read, file, options), settings };
}

/** Reads `[Interface]` and `[Peer]`, from the file or from the one that its `WGConfig` names. */
function readTunnel(read: ProxyFile, file: string, { env, print }: RunProxyOptions): WgQuickConfig {
  const { tunnel, tunnelFile } = read;
  if (tunnelFile === undefined) return parseConfig(tunnel, { file });
  if (tunnel.trim() !== '') throw contradiction(`WGConfig in ${file}`, 'its [Interface] or [Peer]');
  const text = readTunnelFile(tunnelFile, print);
  return parseConfig(readProxyFile(text, tunnelFile, env).tunnel, { file: tunnelFile });
}

/**
 * Starts the server for /readyz and /metrics, if `--info` asks for it. Returns its description;
 * empty: there is no server.
 */
async function openInfo(
  { info, checkAlive, checkAliveMs }: ProxySettings,
  {
    network,
    proxy,
    opened,
  }: {
    readonly network: OpenNetwork;
    readonly proxy: TunnelProxy;
    readonly opened: { close(): void | Promise<void> }[];
  },
): Promise<string[]> {
  if (!info) return [];
  const alive = new AliveCheck({
    addresses: checkAlive,
    intervalMs: checkAliveMs,
    ping: (address, options) => network.ping(address, options),
  });
  opened.push(alive);
  const { proxyMetrics } = await import('../../proxy/proxy-metrics.ts');
  const metrics = async (): ReturnType<typeof proxyMetrics> =>
    proxyMetrics(proxy.counts, await network.peers());
  const server = await startInfo(info, { alive, metrics });
  opened.push(server);
  return [server.description];
}

/** Tells the user what runs. For `--stdio`, ssh shows these lines, so only warnings are printed. */
function report(
  { file, settings }: Prepared,
  descriptions: readonly string[],
  { env, print }: RunProxyOptions,
): void {
  const { services } = settings;
  const isQuiet = env['LOG_LEVEL'] === 'silent' || env['LOG_LEVEL'] === 'error';
  const hasStdio = services.some(({ type }) => type === 'stdio');
  if (!isQuiet && !hasStdio) for (const line of descriptions) print(`${file}: ${line}`);
  if (env['LOG_LEVEL'] !== 'silent') for (const line of openServices(services)) print(line);
}

/** The default of wireproxy for `CheckAliveInterval`. */
const CHECK_ALIVE_MS = 5000;
