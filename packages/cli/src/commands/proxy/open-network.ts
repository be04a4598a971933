/**
 * `openNetwork`: opens the tunnel of a proxy with `@litz/net`.
 *
 * @module
 */
import { wipeSecrets, type WgQuickConfig } from '@litz/config';
import { Network } from '@litz/net';
import type { PeerFigures } from '../../proxy/proxy-metrics.ts';
import type { OpenNetwork } from './run-proxy.ts';

/** What is needed to open a tunnel, besides its configuration. */
export interface OpenNetworkOptions {
  /** The name of the file of the tunnel, for errors. */
  readonly file: string;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
  /** Called with lines about errors, and about names of endpoints that are looked up again. */
  readonly log: (line: string) => void;
}

/**
 * Opens a tunnel.
 *
 * @throws {ConfigError} the file lacks an address, a key or an endpoint
 * @throws {WireGuardError} the name of an endpoint cannot be resolved
 */
export async function openNetwork(
  config: WgQuickConfig,
  { file, signal, log }: OpenNetworkOptions,
): Promise<OpenNetwork> {
  const network = await Network.open(config, { file, signal, resolve: { log } });
  return new TunnelNetwork(network, log);
}

/** A `Network` in the form that a proxy needs. */
class TunnelNetwork implements OpenNetwork {
  readonly lost: Promise<never>;
  readonly #network: Network;
  #isClosing = false;

  constructor(network: Network, log: (line: string) => void) {
    this.#network = network;
    let last: Error | undefined;
    this.lost = new Promise((_, reject) => {
      network.on('error', (error) => {
        last = error;
        log(error.message);
      });
      network.once('close', () => {
        if (!this.#isClosing) reject(last ?? new Error('the tunnel was closed'));
      });
    });
    // If nobody waits for this promise, its rejection must not count as unhandled.
    this.lost.catch(() => {});
  }

  get addresses(): readonly string[] {
    return this.#network.addresses;
  }

  readonly connect: OpenNetwork['connect'] = (options) => this.#network.connect(options);
  readonly createServer: OpenNetwork['createServer'] = (options) =>
    this.#network.createServer(options);
  readonly createSocket: OpenNetwork['createSocket'] = (type) => this.#network.createSocket(type);

  readonly lookup: OpenNetwork['lookup'] = (name, options, callback) => {
    this.#network.lookup(name, options).then(
      ({ address, family }) => callback(null, address, family),
      (error: Error) => callback(error, '', 0),
    );
  };

  async ping(address: string, { timeout }: { timeout: number }): Promise<void> {
    await this.#network.ping(address, { timeout });
  }

  async peers(): Promise<PeerFigures[]> {
    const status = await this.#network.device.status();
    wipeSecrets(status);
    return status.peers.map((peer) => ({
      publicKey: peer.publicKey.toBase64(),
      endpoint: peer.endpoint?.toString() ?? '',
      lastHandshakeAt: peer.lastHandshakeUnixMs,
      bytesReceived: peer.receivedBytes,
      bytesSent: peer.sentBytes,
    }));
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#network.close();
  }
}
