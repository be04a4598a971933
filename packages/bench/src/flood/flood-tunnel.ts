/**
 * `FloodTunnel`: a server and a client of one implementation in a `FloodNetwork`, and the traffic
 * between them.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { parseAddress, parseCidr } from '@litz/config';
import {
  Endpoint,
  generateKeyPair,
  nobleProvider,
  parsePublicKey,
  publicKeyOf,
  type PrivateKey,
  type PublicKey,
} from '@litz/core';
import { initiatorKey } from '../handshake/initiations.ts';
import { Daemon } from '../peers/daemon.ts';
import type { Implementation } from '../peers/implementation.ts';
import { runIperf } from '../peers/iperf.ts';
import { ping, type PingTimes } from '../peers/ping.ts';
import { INNER } from '../peers/tunnel.ts';
import { FloodNetwork, OUTER } from './flood-network.ts';
import { innerAddress, type Retry } from './guest.ts';
import { Guests, type GuestGroup } from './guests.ts';

/** Both daemons, and the guests. */
export class FloodTunnel {
  readonly network: FloodNetwork;
  readonly serverKey: PublicKey;
  readonly #serverPrivateKey: PrivateKey;
  readonly #server: Daemon;
  readonly #client: Daemon;
  #guests: Guests | undefined = undefined;
  #guestCount = 0;

  /**
   * Brings up the tunnel and waits for a session.
   *
   * @param restMs how many ms `open` then waits, so that the warm-up of the daemons is over
   * @throws {Error} (rejects) a daemon failed; everything is released
   */
  static async open(implementation: Implementation, restMs: number): Promise<FloodTunnel> {
    const tunnel = new FloodTunnel(implementation, await FloodNetwork.create());
    try {
      await tunnel.#start();
      await setTimeout(restMs);
    } catch (error) {
      await tunnel.close();
      throw error;
    }
    return tunnel;
  }

  private constructor(implementation: Implementation, network: FloodNetwork) {
    this.network = network;
    const { privateKey, publicKey } = generateKeyPair();
    this.#serverPrivateKey = privateKey;
    this.serverKey = publicKey;
    this.#server = new Daemon(implementation, { namespace: network.server });
    this.#client = new Daemon(implementation, { namespace: network.client });
  }

  /**
   * Sends TCP data from the client to the server. Returns Mbit/s; 0 if iperf3 failed or took too
   * long.
   */
  async tcpMbps(seconds: number): Promise<number> {
    const { client, server } = this.network;
    const options = { client, server, address: INNER.a, seconds, graceMs: 8000 };
    try {
      return (await runIperf(options)).receivedMbps;
    } catch {
      this.checkAlive();
      return 0;
    }
  }

  /** Pings the server from the client. If there is no answer at all, `times` is empty. */
  async ping(count: number, intervalSeconds: number): Promise<PingTimes> {
    try {
      return await ping(this.network.client, INNER.a, count, intervalSeconds);
    } catch {
      // ping fails if there is no answer at all.
      this.checkAlive();
      return { times: [], sent: count };
    }
  }

  /** Adds new guests to the server's peers, and opens the sockets of the guests. */
  async openGuests(count: number, retry: Retry): Promise<GuestGroup> {
    const first = this.#guestCount;
    this.#guestCount += count;
    const peers = Array.from({ length: count }, (_, i) => ({
      publicKey: publicKeyOf(initiatorKey(first + i), nobleProvider),
      allowedIps: [parseCidr(`${innerAddress(first + i)}/32`)],
    }));
    await this.#server.configure({ peers });
    return this.#guests!.open(first, count, retry);
  }

  /**
   * Takes the links of both ends down. Then adds `count` peers with a persistent keepalive to the
   * server; these peers never answer. Then takes the links up again.
   */
  async restartWithSilentPeers(count: number): Promise<void> {
    await this.#client.setLink('down');
    await this.#server.setLink('down');
    const peers = Array.from({ length: count }, (_, i) => ({
      // No program has the private key.
      publicKey: parsePublicKey(randomBytes(32)),
      endpoint: new Endpoint(Uint8Array.of(10, 7, 1 + (i >> 8), i & 255), PORT),
      allowedIps: [parseCidr(`10.10.${i >> 8}.${i & 255}/32`)],
      persistentKeepalive: 25,
    }));
    await this.#server.configure({ peers });
    await this.#client.setLink('up');
    await this.#server.setLink('up');
  }

  /** @throws {Error} a daemon has ended; the message has the last part of its stderr */
  checkAlive(): void {
    this.#server.checkAlive();
    this.#client.checkAlive();
  }

  async close(): Promise<void> {
    await this.#guests?.close();
    await Promise.all([this.#server.close(), this.#client.close()]);
    this.network.close();
  }

  async #start(): Promise<void> {
    await Promise.all([this.#server.untilListening(), this.#client.untilListening()]);
    const client = generateKeyPair();
    await this.#server.configure({
      privateKey: this.#serverPrivateKey,
      listenPort: PORT,
      peers: [{ publicKey: client.publicKey, allowedIps: [parseCidr(`${INNER.b}/32`)] }],
    });
    await this.#client.configure({
      privateKey: client.privateKey,
      listenPort: PORT,
      peers: [
        {
          publicKey: this.serverKey,
          endpoint: new Endpoint(parseAddress(OUTER.client.server), PORT),
          allowedIps: [parseCidr(`${INNER.a}/32`)],
        },
      ],
    });
    // The prefix length is 16, because the guests have addresses of 10.9.0.0/16 too.
    await this.#server.bringUp(`${INNER.a}/16`, MTU);
    await this.#client.bringUp(`${INNER.b}/16`, MTU);
    await ping(this.network.client, INNER.a, 5, 0.05);
    this.#guests = await Guests.start(this.network.guests, this.serverKey);
  }
}

const PORT = 51820;
const MTU = 1420;
