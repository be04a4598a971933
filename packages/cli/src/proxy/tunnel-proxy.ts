/**
 * `TunnelProxy`: the services of one `litz proxy`, over the network inside the tunnel.
 *
 * @module
 */
import { formatHostPort, isOpenToOthers } from './addresses.ts';
import { ConnectionTable } from './connection-table.ts';
import { startDatagramPort } from './datagram-service.ts';
import { startHttp } from './http-service.ts';
import { machineNetwork } from './machine-network.ts';
import { startPort } from './port-service.ts';
import { ProxyCounts } from './proxy-counts.ts';
import type { ProxyNetwork } from './proxy-network.ts';
import type { ServiceContext } from './service-context.ts';
import type { Service, ProxySettings, StdioService } from './settings.ts';
import { startSocks } from './socks-service.ts';
import { connectStdio, type StdioStreams } from './stdio-service.ts';
import type { RunningService } from './stream-listener.ts';

/** What a proxy needs besides its settings. */
export interface ProxyOptions {
  /** The network inside the tunnel. The proxy does not close it. */
  readonly network: ProxyNetwork;
  /** Called with lines for a detailed log. */
  readonly log: (line: string) => void;
}

/** The running services of one proxy. */
export class TunnelProxy {
  readonly counts: ProxyCounts = new ProxyCounts();
  readonly #context: ServiceContext;
  readonly #running: RunningService[] = [];
  readonly #stdio: StdioService | undefined;

  /**
   * Starts all services except standard input and output.
   *
   * @throws {Failure} one of them cannot listen; all are closed
   */
  static async start(settings: ProxySettings, options: ProxyOptions): Promise<TunnelProxy> {
    const proxy = new TunnelProxy(settings, options);
    try {
      for (const service of settings.services) await proxy.#start(service);
    } catch (error) {
      await proxy.close();
      throw error;
    }
    return proxy;
  }

  private constructor({ services, maxConnections }: ProxySettings, options: ProxyOptions) {
    const table = new ConnectionTable(maxConnections);
    this.#context = { ...options, machine: machineNetwork, table, counts: this.counts };
    this.#stdio = services.find((service) => service.type === 'stdio');
  }

  /** What each service does and where: 'SOCKS5 proxy on 127.0.0.1:1080'. */
  get descriptions(): string[] {
    return this.#running.map(({ description }) => description);
  }

  /**
   * Joins standard input and output with the target that the settings name. Resolves when both
   * directions have ended or the connection is lost; at once if the settings name no target.
   *
   * @throws {Failure} the target cannot be reached
   */
  async connectStdio(streams: StdioStreams): Promise<void> {
    if (this.#stdio) await connectStdio(this.#stdio, this.#context, streams);
  }

  /**
   * Closes the ports and the connections of all services except standard input and output. Resolves
   * when the ports are free.
   */
  async close(): Promise<void> {
    this.#context.table.close();
    await Promise.all(this.#running.map((service) => service.close()));
  }

  async #start(service: Service): Promise<void> {
    if (service.type === 'stdio') return;
    this.#running.push(await startService(service, this.#context));
  }
}

/**
 * Returns a warning for each service that other machines can use without a password.
 *
 * There is no warning about `--expose`: it opens a port to the peers on purpose.
 */
export function openServices(services: readonly Service[]): string[] {
  return services.flatMap((service) => {
    if (service.type === 'stdio' || service.type === 'expose') return [];
    if (!isOpenToOthers(service.listen.host)) return [];
    if ('credentials' in service && service.credentials) return [];
    const place = formatHostPort(service.listen);
    const advice =
      service.type === 'forward'
        ? `listen on 127.0.0.1 if only this machine needs it`
        : `set a password (--${service.type}-user, --${service.type}-password-file), or listen on 127.0.0.1`;
    return [
      `WARNING: ${place} is open to everyone who can reach this machine, without a password: they can use the tunnel; ${advice} (${service.origin})`,
    ];
  });
}

function startService(
  service: Exclude<Service, StdioService>,
  context: ServiceContext,
): Promise<RunningService> {
  switch (service.type) {
    case 'socks5':
      return startSocks(service, context);
    case 'http':
      return startHttp(service, context);
    case 'forward':
    case 'expose':
    default:
      return service.protocol === 'udp'
        ? startDatagramPort(service, context)
        : startPort(service, context);
  }
}
