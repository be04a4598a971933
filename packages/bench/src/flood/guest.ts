/**
 * `Guest`: an honest peer that connects to a server and sends a ping through the tunnel. A guest is
 * only an engine and a UDP socket, so thousands of guests fit into one process.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseAddress } from '@litz/config';
import { Endpoint, Engine, type CryptoProvider, type PublicKey } from '@litz/core';
import { checksum } from '@litz/core/internals';
import { ipv4Packet } from '@litz/testkit';
import { initiatorKey } from '../handshake/initiations.ts';
import { INNER } from '../peers/tunnel.ts';

/** When a guest without an answer sends its next initiation. */
export type Retry =
  /**
   * As the protocol says: after 5 seconds, even after a cookie reply (section 6.1 of the WireGuard
   * paper).
   */
  | 'protocol'
  /** Half a second after an initiation without an answer, and at once after a cookie reply. */
  | 'short';

export interface GuestOptions {
  /** Determines the keys and addresses of the guest. */
  readonly number: number;
  readonly retry: Retry;
  readonly server: PublicKey;
  readonly crypto: CryptoProvider;
}

/** One peer. `prepare` makes its first initiation, and `begin` must follow soon to send it. */
export class Guest {
  readonly #engine: Engine;
  readonly #socket: Socket;
  readonly #ping: Uint8Array;
  readonly #retry: Retry;
  /** Resolves with the ms from `begin` to the answer of a ping. */
  readonly connected: Promise<number>;
  #resolve: (ms: number) => void = () => {};
  #beganAt = 0;
  /**
   * How many ms the engine's clock is ahead of the real time. A guest with the retry `short` moves
   * the engine's clock forward, so that the engine retries early.
   */
  #aheadMs = 0;
  #timer: NodeJS.Timeout | undefined = undefined;
  #retryTimer: NodeJS.Timeout | undefined = undefined;
  #pingTimer: NodeJS.Timeout | undefined = undefined;

  /**
   * Opens the guest's socket.
   *
   * @throws {Error} (rejects) the namespace does not have the guest's address
   */
  static async open(options: GuestOptions): Promise<Guest> {
    const guest = new Guest(options);
    guest.#socket.bind(0, outerAddress(options.number));
    await once(guest.#socket, 'listening');
    return guest;
  }

  private constructor({ number, retry, server, crypto }: GuestOptions) {
    this.#retry = retry;
    this.connected = new Promise((resolve) => (this.#resolve = resolve));
    this.#engine = new Engine({ randomBytes: randomFillSync, unixTime: Date.now, crypto });
    const peers = [{ publicKey: server, endpoint: SERVER, allowedIps: [INNER.a] }];
    this.#engine.configure({ privateKey: initiatorKey(number), peers }, this.#now());
    this.#ping = echoRequest(number);
    this.#socket = createSocket('udp4');
    this.#socket.on('message', (datagram) => this.#receive(datagram));
    // An error means that the server has closed its socket. Either the measurement is over, or the
    // missing answers show the failure.
    this.#socket.on('error', () => {});
  }

  /** Makes the first initiation. It waits in the engine. */
  prepare(): void {
    this.#engine.handlePacket(this.#ping, this.#now());
  }

  /** Sends the first initiation. */
  begin(): void {
    this.#beganAt = performance.now();
    this.#drain();
    this.#retryLater();
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#retryTimer);
    clearInterval(this.#pingTimer);
    this.#socket.close();
  }

  #now(): number {
    return performance.now() + this.#aheadMs;
  }

  #receive(datagram: Uint8Array): void {
    const type = datagram[0];
    this.#engine.handleDatagram(datagram, SERVER, this.#now());
    this.#drain();
    if (type === COOKIE_REPLY && this.#retry === 'short' && !this.#pingTimer) this.#retryNow();
  }

  /** Steps 2 to 6 of the loop that the docs of `Engine` describe. */
  #drain(): void {
    const engine = this.#engine;
    for (let next = engine.pollTransmit(); next; next = engine.pollTransmit()) {
      this.#socket.send(Buffer.from(next.datagram), SERVER.port, OUTER_SERVER);
    }
    for (let next = engine.pollPacket(); next; next = engine.pollPacket()) {
      if (isEchoReply(next.packet)) this.#finish();
    }
    for (let next = engine.pollEvent(); next; next = engine.pollEvent()) {
      if (next.type === 'session' && next.state === 'up') this.#pingUntilAnswered();
    }
    clearTimeout(this.#timer);
    const sleep = engine.pollTimeout() - this.#now();
    if (sleep < Infinity) this.#timer = setTimeout(() => this.#timeout(), Math.max(0, sleep));
  }

  #timeout(): void {
    this.#engine.handleTimeout(this.#now());
    this.#drain();
  }

  /** Repeats the ping. The engine has sent the first ping, which may be lost. */
  #pingUntilAnswered(): void {
    clearTimeout(this.#retryTimer);
    clearInterval(this.#pingTimer);
    this.#pingTimer = setInterval(() => {
      this.#engine.handlePacket(this.#ping, this.#now());
      this.#drain();
    }, PING_INTERVAL_MS);
  }

  #finish(): void {
    clearInterval(this.#pingTimer);
    this.#resolve(performance.now() - this.#beganAt);
  }

  #retryLater(): void {
    if (this.#retry === 'protocol') return;
    this.#retryTimer = setTimeout(() => this.#retryNow(), SHORT_RETRY_MS);
  }

  /** Moves the engine's clock past the time of the protocol's own retry. */
  #retryNow(): void {
    clearTimeout(this.#retryTimer);
    this.#aheadMs += PROTOCOL_RETRY_MS;
    this.#timeout();
    this.#retryLater();
  }
}

/** Returns the address of a guest outside the tunnel. */
export function outerAddress(number: number): string {
  return `10.6.${1 + (number >> 8)}.${number & 255}`;
}

/** Returns the address of a guest inside the tunnel. */
export function innerAddress(number: number): string {
  return `10.9.${1 + (number >> 8)}.${number & 255}`;
}

/** Returns a ping of a guest to the server (RFC 792). */
function echoRequest(number: number): Uint8Array {
  const message = new Uint8Array(8);
  const view = new DataView(message.buffer);
  view.setUint8(0, ECHO_REQUEST);
  view.setUint16(4, number);
  view.setUint16(2, checksum(message, 0, message.length));
  const source = parseAddress(innerAddress(number));
  const destination = parseAddress(INNER.a);
  return ipv4Packet({ source, destination, protocol: ICMP, payload: message });
}

function isEchoReply(packet: Uint8Array): boolean {
  return packet[9] === ICMP && packet[20] === ECHO_REPLY;
}

const OUTER_SERVER = '10.20.2.1';
const SERVER = new Endpoint(parseAddress(OUTER_SERVER), 51820);
const COOKIE_REPLY = 3;
const ICMP = 1;
const ECHO_REQUEST = 8;
const ECHO_REPLY = 0;
const SHORT_RETRY_MS = 500;
const PING_INTERVAL_MS = 200;
/** In ms: Rekey-Timeout and the largest jitter. */
const PROTOCOL_RETRY_MS = 5400;
