/// <reference lib="dom" />
/**
 * `BrowserTunnel`: a WireGuard node in a page. The engine of `@litz/core` seals and opens, with
 * WebAssembly; the stack of `@litz/netstack` has the TCP connections; a WebSocket carries the
 * datagrams to a relay.
 *
 * ```
 *   TcpSocket -- Stack --packets-- Engine --datagrams-- WebSocket -- relay -- UDP
 * ```
 *
 * @module
 */
import {
  formatAddress,
  parseConfig,
  toDeviceConfiguration,
  type WgQuickConfig,
} from '@litz/config';
import { Endpoint, Engine } from '@litz/core';
import { Stack, type TcpSocket } from '@litz/netstack';
import { WasmArena, wasmProvider } from '@litz/wasm';

/** A host in a WireGuard network, in a page. */
export class BrowserTunnel {
  readonly #engine: Engine;
  readonly #stack: Stack;
  readonly #packet: Uint8Array = new Uint8Array(LARGEST_PACKET);
  /** One WebSocket for each endpoint, by its text. */
  readonly #relays: Map<string, WebSocket> = new Map();
  readonly #onChange: Map<TcpSocket, () => void> = new Map();
  #timer: number | undefined = undefined;
  #isClosed = false;

  /** @param text a wg-quick file. Its endpoints must be addresses that the relay knows */
  static async open(text: string): Promise<BrowserTunnel> {
    const arena = await WasmArena.create({ length: 1 << 17 });
    const tunnel = new BrowserTunnel(parseConfig(text), arena);
    try {
      await tunnel.#connectRelays(parseConfig(text));
    } catch (error) {
      tunnel.close();
      throw error;
    }
    return tunnel;
  }

  private constructor(config: WgQuickConfig, arena: WasmArena) {
    const crypto = wasmProvider(arena);
    this.#engine = new Engine({ randomBytes, unixTime: Date.now, crypto });
    const { privateKey, peers } = toDeviceConfiguration(config);
    this.#engine.configure({ privateKey: privateKey ?? null, peers: peers ?? [] }, now());
    this.#stack = new Stack({
      randomBytes,
      addresses: config.interface.addresses.map(({ address }) => formatAddress(address)),
      mtu: config.interface.mtu ?? 1420,
    });
  }

  /**
   * Sends a GET request with HTTP/1.0 for the path of `url`, without its query. Resolves with all
   * bytes that the server sends: the head and the body.
   *
   * @param url its host must be an IP address: this example has no DNS
   */
  get(url: URL): Promise<Uint8Array> {
    const socket = this.#stack.connectTcp(url.hostname, Number(url.port || 80));
    const parts: Uint8Array[] = [];
    socket.send(utf8(`GET ${url.pathname} HTTP/1.0\r\nHost: ${url.host}\r\n\r\n`));
    return new Promise((resolve, reject) => {
      this.#onChange.set(socket, () => {
        while (socket.readable > 0) {
          const part = new Uint8Array(socket.readable);
          socket.receive(part);
          parts.push(part);
        }
        if (!socket.isEnded && !socket.error) return;
        this.#onChange.delete(socket);
        socket.close();
        if (socket.error) reject(new Error(socket.error.message));
        else resolve(joined(parts));
      });
      this.#drain();
    });
  }

  /** Ends all connections, and wipes the keys. Requests in progress fail. */
  close(): void {
    if (this.#isClosed) return;
    this.#stack.close('the tunnel is closed');
    // The sockets report the error to the requests in progress.
    this.#drain();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const socket of this.#relays.values()) socket.close();
    // This removes the private key and the sessions. The engine wipes what is removed.
    this.#engine.configure({ privateKey: null, replacePeers: true, peers: [] }, now());
  }

  async #connectRelays(config: WgQuickConfig): Promise<void> {
    for (const { endpoint } of config.peers) {
      if (!(endpoint instanceof Endpoint)) continue;
      const socket = new WebSocket(`ws://${location.host}/relay/${endpoint.toString()}`);
      socket.binaryType = 'arraybuffer';
      socket.addEventListener('message', ({ data }) => {
        if (this.#isClosed) return;
        this.#engine.handleDatagram(new Uint8Array(data as ArrayBuffer), endpoint, now());
        this.#drain();
      });
      this.#relays.set(endpoint.toString(), socket);
      await opened(socket);
    }
  }

  /** Passes on packets, datagrams and changes of sockets, until none is left. */
  #drain(): void {
    // A program may call `get` after `close`.
    if (this.#isClosed) return;
    while (this.#sendPackets() || this.#receivePackets());
    for (let d = this.#engine.pollTransmit(); d; d = this.#engine.pollTransmit()) {
      // The WebSocket gets a copy, because it sends later, and the engine reuses these bytes.
      this.#relays.get(d.destination.toString())?.send(d.datagram.slice());
    }
    while (this.#engine.pollEvent());
    for (let s = this.#stack.pollSocket(); s; s = this.#stack.pollSocket()) {
      this.#onChange.get(s as TcpSocket)?.();
    }
    this.#sleep();
  }

  /** Passes one packet of the stack into the tunnel. Returns whether there was one. */
  #sendPackets(): boolean {
    const length = this.#stack.pollPacket(this.#packet, 0, now());
    if (length > 0) this.#engine.handlePacket(this.#packet.subarray(0, length), now());
    return length > 0;
  }

  /** Passes one packet out of the tunnel to the stack. Returns whether there was one. */
  #receivePackets(): boolean {
    const received = this.#engine.pollPacket();
    if (!received) return false;
    const { packet } = received;
    this.#stack.handlePacket(packet, 0, packet.length, now());
    return true;
  }

  #sleep(): void {
    clearTimeout(this.#timer);
    const next = Math.min(this.#engine.pollTimeout(), this.#stack.pollTimeout());
    if (next === Infinity) return;
    const wait = Math.max(0, Math.ceil(next - now()));
    this.#timer = window.setTimeout(() => {
      this.#engine.handleTimeout(now());
      this.#stack.handleTimeout(now());
      this.#drain();
    }, wait);
  }
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () =>
      reject(new Error('the relay refused the connection (does it know this endpoint?)')),
    );
  });
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function randomBytes(bytes: Uint8Array): Uint8Array {
  return crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
}

function now(): number {
  return performance.now();
}

const LARGEST_PACKET = 65_535;
