/**
 * `ProxyFixture`: proxies whose tunnel is the loopback interface, and servers that the clients of
 * these proxies reach.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { Credentials } from '../../src/proxy/credentials.ts';
import type { PortService, ProxySettings, Service } from '../../src/proxy/settings.ts';
import { TunnelProxy } from '../../src/proxy/tunnel-proxy.ts';
import { connectTo, LoopbackNetwork, TestServer } from './loopback.ts';

/** The name and the password that a proxy with `login` expects. */
export const LOGIN = { name: 'ada', password: 'secret word' } as const;

/** Keeps everything that a test has opened. `close` closes all of it. */
export class ProxyFixture {
  readonly network: LoopbackNetwork = new LoopbackNetwork();
  readonly log: string[] = [];
  readonly #opened: { close(): Promise<void> }[] = [];

  async start(
    services: readonly Service[],
    settings: Partial<ProxySettings> = {},
  ): Promise<TunnelProxy> {
    const all: ProxySettings = {
      services,
      info: undefined,
      maxConnections: 100,
      checkAlive: [],
      checkAliveMs: 5000,
      ...settings,
    };
    const log = (line: string): void => void this.log.push(line);
    return this.add(await TunnelProxy.start(all, { network: this.network, log }));
  }

  /** Starts a proxy with one service, SOCKS5 or HTTP. Returns the proxy and its port. */
  async proxy(
    type: 'socks5' | 'http',
    options: { login?: boolean; host?: string; settings?: Partial<ProxySettings> } = {},
  ): Promise<{ proxy: TunnelProxy; port: number }> {
    const { login = false, host = '127.0.0.1', settings } = options;
    const credentials = login ? new Credentials(LOGIN.name, LOGIN.password) : undefined;
    const listen = { host, port: 0 };
    const proxy = await this.start(
      [{ type, listen, credentials, origin: `--${type} 0` }],
      settings,
    );
    return { proxy, port: portsOf(proxy)[0] };
  }

  async port(
    service: Pick<PortService, 'type' | 'protocol' | 'target'> & Partial<PortService>,
  ): Promise<{ proxy: TunnelProxy; port: number }> {
    const listen = { host: '127.0.0.1', port: 0 };
    const proxy = await this.start([{ listen, origin: `--${service.type} x`, ...service }]);
    return { proxy, port: portsOf(proxy)[0] };
  }

  async echo(host?: string): Promise<TestServer> {
    return this.add(await TestServer.echo(host));
  }

  async server(onConnection: (socket: Socket) => void): Promise<TestServer> {
    return this.add(await TestServer.start(onConnection));
  }

  /** Opens a connection that ends with the test. */
  async connect(port: number, host?: string): Promise<Socket> {
    const socket = await connectTo(port, host);
    this.add({ close: async () => void socket.destroy() });
    return socket;
  }

  add<T extends { close(): unknown }>(item: T): T {
    this.#opened.push({ close: async () => void (await item.close()) });
    return item;
  }

  async close(): Promise<void> {
    for (const item of this.#opened.splice(0).toReversed()) await item.close();
  }
}

/** Returns the ports that a proxy says it listens on. */
export function portsOf(proxy: TunnelProxy): number[] {
  return proxy.descriptions.map((text) => Number(/(?:on|port) \S*:(\d+)/.exec(text)![1]));
}
