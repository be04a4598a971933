/**
 * `Network`: a host in a WireGuard network, inside the process. It has sockets, names and HTTP, and
 * needs no interface of the system.
 *
 * @module
 */
import { EventEmitter } from 'node:events';
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LookupAddress } from 'node:dns';
import type { WgQuickInput } from '@litz/config';
import { wipeSecrets } from '@litz/config';
import { WireGuardError } from '@litz/core';
import { checkObject, requireText } from '@litz/core/internals';
import { Device } from '@litz/device';
import { EndpointRefresh } from '@litz/device/quick';
import type { Stack } from '@litz/netstack';
import type { Agent, Dispatcher } from 'undici';
import { readDnsConfig } from './dns/dns-config.ts';
import { askServer } from './dns/dns-exchange.ts';
import { NetworkLookup, type LookupOptions } from './dns/lookup.ts';
import { Resolver } from './dns/resolver.ts';
import { NetworkAgent, NetworkHttpsAgent, type Connect } from './http/agents.ts';
import {
  createConnector,
  createDispatcher,
  createFetch,
  type Connector as UndiciConnector,
  type ConnectorOptions,
  type Fetch,
} from './http/dispatcher.ts';
import { serve, type ConnectionServer } from './http/serve.ts';
import { ping, type PingOptions, type PingReply } from './icmp/ping.ts';
import { NetworkTun } from './network-tun.ts';
import { checkNetworkOptions, type NetworkOptions } from './network-options.ts';
import { PeerRoutes } from './peer-routes.ts';
import { allAddresses, SocketHost, type LookupAll } from './socket-host.ts';
import { readConnectArguments, type ConnectOptions } from './tcp/connect-options.ts';
import { Connector } from './tcp/connector.ts';
import type { ListenOptions } from './tcp/listen-options.ts';
import { Server, type ServerOptions } from './tcp/server.ts';
import { Socket } from './tcp/socket.ts';
import {
  DatagramSocket,
  type DatagramSocketOptions,
  type RemoteInfo,
} from './udp/datagram-socket.ts';
import { checkSource, checkTunnelSource, readTunnelSource, toDevice } from './tunnel-source.ts';

/** The events of a `Network`. */
export interface NetworkEvents {
  /**
   * An error of the device. After `ERR_LITZ_WORKER`, 'close' follows; after any other error, the
   * device continues. If there is no listener, the error is thrown, as by every `EventEmitter`.
   */
  error: [error: Error];
  /** The network is closed, and everything is released. */
  close: [];
}

/** The path of a wg-quick file, a parsed file, or a device that was made with a `NetworkTun`. */
export type NetworkSource = string | URL | WgQuickInput | Device;

/** The callback of `Network.lookup`: `(error, address, family)`, or `(error, addresses)`. */
export type LookupDone = (error: Error | null, ...found: any[]) => void;

/**
 * A host in a WireGuard network. `Network.open` makes it.
 *
 * An open network keeps the process alive; `unref` changes that.
 *
 * @example
 *
 * ```ts
 * import { parseConfig } from '@litz/config';
 * import { formatKey, generateKeyPair } from '@litz/core';
 * import { Network } from '@litz/net';
 *
 * const [own, peer] = [generateKeyPair(), generateKeyPair()];
 * const text = `
 * [Interface]
 * PrivateKey = ${formatKey(own.privateKey)}
 * Address = 10.0.0.1/24
 * [Peer]
 * PublicKey = ${formatKey(peer.publicKey)}
 * AllowedIPs = 10.0.0.0/24
 * Endpoint = 127.0.0.1:51820`;
 * const network = await Network.open(parseConfig(text)); // or the path of a file
 * const socket = network.connect({ host: '10.0.0.2', port: 80, connectTimeout: 100 });
 * socket.on('error', (error) => console.log(error.message));
 * await new Promise((resolve) => socket.on('close', resolve));
 * await network.close();
 * ```
 */
export class Network extends EventEmitter<NetworkEvents> {
  readonly device: Device;
  /** The IP stack behind the sockets. */
  readonly stack: Stack;
  /** The addresses of this host in the network. */
  readonly addresses: readonly string[];
  /** @internal */
  readonly host: SocketHost;
  /**
   * The `fetch` of undici 7, through the tunnel. Its classes are those of undici; it also takes a
   * `Request` or `FormData` of Node.js. It rejects if a connection is not established within ten
   * seconds. A signal can end a request earlier.
   *
   * @example
   *
   * ```ts
   * import type { Network } from '@litz/net';
   *
   * export async function load(network: Network): Promise<string> {
   *   const response = await network.fetch('http://10.0.0.2/', {
   *     signal: AbortSignal.timeout(5000),
   *   });
   *   return response.text();
   * }
   * ```
   */
  readonly fetch: Fetch = createFetch(() => this.dispatcher);
  readonly #connect: Connect = (options) => this.connect(options);
  #agent: NetworkAgent | undefined;
  #httpsAgent: NetworkHttpsAgent | undefined;
  #connector: UndiciConnector | undefined;
  #dispatcher: Agent | undefined;
  readonly #lookup: NetworkLookup;
  #isRef = true;
  #closing: Promise<void> | undefined;
  #isDeviceClosed = false;

  /**
   * Opens a network.
   *
   * @param source a path of a wg-quick file, a configuration of `@litz/config`, or a `Device` whose
   *   TUN is a `NetworkTun`. For a `Device`, `options.tun` must be the TUN of the device. `close`
   *   also closes the device.
   * @throws {ConfigError} (rejects) the file has a mistake, or no address, key or endpoint
   * @throws {WireGuardError} (rejects) the name of an endpoint cannot be resolved, the path is not
   *   a file, or the writer of a pipe takes too long
   * @throws {Error} (rejects) the file cannot be read (the error has the `code` of `node:fs`), or
   *   `signal` was aborted
   * @throws {TypeError | RangeError} (rejects) an option is wrong; the message names it
   */
  static async open(source: NetworkSource, options: NetworkOptions = {}): Promise<Network> {
    checkNetworkOptions(options);
    checkSource(source);
    if (source instanceof Device) {
      if (!options.tun) throw new TypeError('"tun" expected the NetworkTun of the device');
      return new Network(source, options.tun, options.dns ?? [], options);
    }
    const { signal, resolve, handshakeTimeout, memory } = options;
    const tunnel = await readTunnelSource(source, options.file, signal);
    const { addresses, dns } = tunnel;
    const tun = new NetworkTun({ addresses, mtu: options.mtu ?? tunnel.mtu, memory });
    const configuration = await toDevice(tunnel, {
      ...resolve,
      ...(signal && { signal }),
    });
    try {
      signal?.throwIfAborted();
      const device = await Device.create({
        tun,
        ...configuration,
        ...(handshakeTimeout !== undefined && { handshakeGiveUpMs: handshakeTimeout }),
        ...options.device,
      });
      if (signal?.aborted) {
        await device.close();
        throw signal.reason;
      }
      const network = new Network(device, tun, options.dns ?? dns, options);
      network.#followNames(resolve);
      return network;
    } finally {
      wipeSecrets(configuration);
    }
  }

  /**
   * Checks whether a network can be made from a configuration. Opens nothing.
   *
   * @param file the name of the file of the configuration, for errors
   * @throws {WireGuardError} `ERR_LITZ_INVALID_CONFIG`: a key, an address or an endpoint is
   *   missing, or a DNS server is wrong
   */
  static check(config: WgQuickInput, file?: string): void {
    checkTunnelSource(config, file);
  }

  private constructor(
    device: Device,
    tun: NetworkTun,
    dns: readonly string[],
    options: NetworkOptions,
  ) {
    super();
    this.device = device;
    this.stack = tun.stack;
    this.addresses = tun.addresses;
    this.host = new SocketHost({
      stack: tun.stack,
      addresses: tun.addresses,
      lookup: (options.lookup as LookupAll | undefined) ?? this.#lookupAll,
      describePeer: async (address) => (await PeerRoutes.read(device)).describe(address),
      onHold: (isHeld) => this.#hold(isHeld),
    });
    this.host.link = tun;
    tun.listener = (socket) => this.host.handleChange(socket);
    const resolver = new Resolver({
      ...readDnsConfig(dns),
      ask: (server, query, timeoutMs) => askServer(this.host, server, query, timeoutMs),
      now: () => performance.now(),
    });
    this.#lookup = new NetworkLookup(resolver, tun.addresses);
    this.#watchDevice();
  }

  /**
   * Connects to a host in the network, as net.connect does. The socket emits 'connect' or 'error'.
   *
   * @throws {TypeError | RangeError} an option is wrong; the message names it
   */
  connect(options: ConnectOptions, onConnect?: () => void): Socket;
  connect(port: number, onConnect?: () => void): Socket;
  connect(port: number, host: string, onConnect?: () => void): Socket;
  connect(...given: unknown[]): Socket {
    const { options, callback } = readConnectArguments(given);
    return new Socket(this, options).connect(options, callback);
  }

  /** Makes a server for the network, as net.createServer. Call `listen` next. */
  createServer(options?: ServerOptions, onConnection?: (socket: Socket) => void): Server;
  createServer(onConnection?: (socket: Socket) => void): Server;
  createServer(
    first?: ServerOptions | ((socket: Socket) => void),
    second?: (socket: Socket) => void,
  ): Server {
    return typeof first === 'function'
      ? new Server(this, {}, first)
      : new Server(this, first, second);
  }

  /**
   * Gives a server of node:http, node:https, node:http2 or node:tls the connections of the network.
   * Do not call `listen` of that server.
   *
   * @returns the listener; its `address()` has the port, and its `close()` stops listening
   * @throws {Error} (rejects) `EADDRINUSE`: the port is taken
   *
   * @example
   *
   * ```ts
   * import { createServer } from 'node:http';
   * import type { Network } from '@litz/net';
   *
   * export async function start(network: Network): Promise<void> {
   *   const server = createServer((request, response) => response.end('hello'));
   *   await network.serve(server, { port: 80 });
   * }
   * ```
   */
  serve(server: ConnectionServer, options: ListenOptions): Promise<Server> {
    return serve(this, server, options);
  }

  /** An agent for `http.request({ agent })`. It keeps connections open for more requests. */
  get agent(): HttpAgent {
    return (this.#agent ??= new NetworkAgent(this.#connect, { keepAlive: true }));
  }

  /** An agent for `https.request({ agent })`. It keeps connections open for more requests. */
  get httpsAgent(): HttpsAgent {
    return (this.#httpsAgent ??= new NetworkHttpsAgent(this.#connect, { keepAlive: true }));
  }

  /** A connector for dispatchers of undici: `new Pool(origin, { connect: network.connector })`. */
  get connector(): UndiciConnector {
    return (this.#connector ??= this.createConnector());
  }

  /** Makes a connector for dispatchers of undici 7, with options of TLS: `ca`, `cert`, ... */
  createConnector(options: ConnectorOptions = {}): UndiciConnector {
    return createConnector(this.#connect, options);
  }

  /** A dispatcher of undici 7, for `request(url, { dispatcher })` and other functions of undici. */
  get dispatcher(): Dispatcher {
    return (this.#dispatcher ??= createDispatcher(this.connector));
  }

  /** Makes a UDP socket in the network, as dgram.createSocket. */
  createSocket(
    options: DatagramSocketOptions | 'udp4' | 'udp6',
    onMessage?: (message: Buffer, from: RemoteInfo) => void,
  ): DatagramSocket {
    return new DatagramSocket(this, options, onMessage);
  }

  /**
   * Sends one echo request, and resolves when the reply is there.
   *
   * @param destination an address or a name
   * @throws {NetworkError} (rejects) `ETIMEDOUT`: no reply came, and the message names the peer;
   *   `EHOSTUNREACH`, `ENETUNREACH`; `ENOTFOUND`, `EAI_AGAIN`: see `lookup`
   */
  async ping(destination: string, options: PingOptions = {}): Promise<PingReply> {
    checkObject(options, 'options');
    requireText(destination, 'destination');
    const { signal } = options;
    const { address } = await this.lookup(destination, { signal });
    return ping(this.host, address, options);
  }

  /**
   * Looks a name up with the DNS servers of the tunnel, or with the option `lookup` of
   * `Network.open`. It has the shape of dns.lookup; without a callback it returns a promise, as the
   * function of node:dns/promises does.
   *
   * @throws {NetworkError} (rejects) `ENOTFOUND` or `EAI_AGAIN`; the message names the servers that
   *   were asked
   */
  lookup(hostname: string, options: LookupOptions & { all: true }): Promise<LookupAddress[]>;
  lookup(hostname: string, options?: LookupOptions | number): Promise<LookupAddress>;
  lookup(hostname: string, options: LookupOptions | number, done: LookupDone): void;
  lookup(hostname: string, done: LookupDone): void;
  lookup(
    hostname: string,
    given?: LookupOptions | number | LookupDone,
    last?: LookupDone,
  ): Promise<LookupAddress[] | LookupAddress> | undefined {
    const done = typeof given === 'function' ? given : last;
    const options = typeof given === 'number' ? { family: given } : given;
    const { all = false, ...rest } = typeof options === 'object' ? options : {};
    const found = this.#find(hostname, rest);
    if (!done) return all ? found : found.then(([first]) => first!);
    found.then(
      (addresses) => {
        const [{ address, family }] = addresses as [LookupAddress];
        process.nextTick(() => (all ? done(null, addresses) : done(null, address, family)));
      },
      (error: Error) => process.nextTick(() => done(error)),
    );
    return undefined;
  }

  /** Keeps the process alive while the network is open. This is the default. */
  ref(): this {
    this.#isRef = true;
    this.device.ref();
    return this;
  }

  /** Lets the process end while the network is open, unless a socket keeps it alive. */
  unref(): this {
    this.#isRef = false;
    if (!this.host.isHeld) this.device.unref();
    return this;
  }

  /**
   * Closes the network and its device. Open sockets fail with `ERR_LITZ_CLOSED`. But a socket on
   * which `end` was called is closed without an error. Data that was sent before is still
   * delivered, if the other side takes it within two seconds.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** Calls `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    // The program may have written bytes that reach a socket only in the next turn of the event
    // loop. These bytes must leave before the sockets end.
    await nextTurn();
    const reason = new WireGuardError('ERR_LITZ_CLOSED', 'the network is closed');
    this.host.close(reason);
    this.#agent?.destroy();
    this.#httpsAgent?.destroy();
    await this.#dispatcher?.destroy(reason);
    if (!this.#isDeviceClosed) await this.#sayGoodbye();
    await this.device.close();
    this.emit('close');
  }

  /** Waits until the other sides have all data, and know that this side ends. */
  async #sayGoodbye(): Promise<void> {
    const { lingering } = this.host;
    if (!(await lingering.reached('data', LINGER_MS))) return;
    if (!(await lingering.reached('fin', FIN_MS))) return;
    // The other side waits until its own end is acknowledged. Only this stack can acknowledge it,
    // so the stack stays a little longer.
    await lingering.reached('end', END_MS);
    // The last acknowledgements leave when the device runs again, in the next turns.
    await nextTurn();
    await nextTurn();
  }

  #find(hostname: string, options: LookupOptions): Promise<LookupAddress[]> {
    return new Promise((resolve, reject) => {
      this.host.lookup(hostname, { ...options, all: true } as never, (error, addresses) => {
        if (error) reject(error);
        else resolve(allAddresses(addresses));
      });
    });
  }

  readonly #lookupAll: LookupAll = (hostname, options, callback) => {
    this.#lookup.all(hostname, options as LookupOptions).then(
      (addresses) => process.nextTick(callback, null, addresses),
      (error: Error) => process.nextTick(callback, error, []),
    );
  };

  #watchDevice(): void {
    let crash: Error | undefined;
    this.device.on('error', (error) => {
      // After any other error the device continues. If it closes later, that error is not the
      // reason.
      if (isCrash(error)) crash = error;
      this.emit('error', error);
    });
    this.device.on('close', () => {
      this.#isDeviceClosed = true;
      const text = `the device ${this.device.name} is closed`;
      this.host.fail(new WireGuardError('ERR_LITZ_CLOSED', text, crash && { cause: crash }));
      void this.close();
    });
    this.device.on('handshake-failed', ({ peer }) => {
      void PeerRoutes.read(this.device).then((routes) => {
        for (const waiting of this.host.waiting) {
          if (!(waiting instanceof Connector)) continue;
          waiting.handleSilence(
            (address) => routes.belongsTo(address, peer),
            (address) => `the peer ${routes.describe(address)} does not answer`,
          );
        }
      });
    });
  }

  /** Looks the names of endpoints up again while their peers are silent. */
  #followNames(resolve: NetworkOptions['resolve'] = {}): void {
    const { lookup, log } = resolve;
    const refresh = new EndpointRefresh({
      device: this.device,
      ...(lookup && { lookup: async (host) => [await lookup(host)] }),
      ...(log && { log }),
    });
    this.device.once('close', () => refresh.close());
  }

  #hold(isHeld: boolean): void {
    if (this.#isRef) return;
    if (isHeld) this.device.ref();
    else this.device.unref();
  }
}

function isCrash(error: Error): boolean {
  return error instanceof WireGuardError && error.code === 'ERR_LITZ_WORKER';
}

/** How long `close` waits for the last bytes of its sockets. */
const LINGER_MS = 2000;
/** How long `close` then waits until the other sides know that this side ends. */
const FIN_MS = 500;
/** How long `close` then waits until the other sides end. */
const END_MS = 200;
