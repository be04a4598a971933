/**
 * `measureTimers`: measures the cost of timers when there are many peers and few of them are
 * active. An active peer has a session and a persistent keepalive on both sides, and renews its
 * keys when they are due.
 *
 * Clock and network are simulated. The server's engine is called when its deadline comes or a
 * message arrives. The real time of these calls, divided by the simulated time, is the load.
 * Handshakes use arithmetic, so the result is the cost of timers and bookkeeping without X25519.
 *
 * @module
 */
import { Endpoint, publicKeyOf, type Engine, type PublicKey } from '@litz/core';
import { arithmeticProvider } from './arithmetic-provider.ts';
import { createEngine } from './configure.ts';
import { manyPeers, privateKeyNumber } from './many-peers.ts';

export interface TimerFigures {
  /** CPU time in the server's engine, in percent of the simulated time. */
  cpuPercent: number;
  /** How often the server's engine was woken by a deadline, per second. */
  wakesPerSecond: number;
  /** Messages that the server received and sent, per second. */
  messagesPerSecond: number;
}

/** Measures `peers` peers for `seconds` of simulated time. `active` of them are active. */
export function measureTimers(peers: number, active: number, seconds: number): TimerFigures {
  const simulation = new Simulation(peers, active);
  // Makes the sessions and warms up the code before the measurement.
  simulation.run(WARM_UP_MS);
  const before = simulation.counts();
  simulation.run(seconds * 1000);
  const after = simulation.counts();
  return {
    cpuPercent: (after.busyMs - before.busyMs) / (seconds * 10),
    wakesPerSecond: (after.wakes - before.wakes) / seconds,
    messagesPerSecond: (after.messages - before.messages) / seconds,
  };
}

/**
 * A server with all peers, and one engine for each active peer. The network delivers without a
 * delay.
 */
class Simulation {
  readonly #server: Engine;
  readonly #clients: Engine[];
  readonly #publicKey: PublicKey = publicKeyOf(privateKeyNumber(SERVER), arithmeticProvider);
  #now = 0;
  #busyMs = 0;
  #wakes = 0;
  #messages = 0;

  constructor(peers: number, active: number) {
    const unixTime = (): number => 1_704_067_200_000 + this.#now;
    this.#server = createEngine({ unixTime });
    const all = manyPeers(peers);
    for (let i = 0; i < active; i++) all[i]!.persistentKeepalive = KEEPALIVE_SECONDS;
    for (const peer of all) delete peer.endpoint;
    this.#server.configure({ privateKey: privateKeyNumber(SERVER), peers: all }, 0);
    this.#clients = Array.from({ length: active }, (_, number) => {
      const client = createEngine({ unixTime });
      client.configure({ privateKey: privateKeyNumber(number) }, 0);
      return client;
    });
  }

  counts(): { busyMs: number; wakes: number; messages: number } {
    return { busyMs: this.#busyMs, wakes: this.#wakes, messages: this.#messages };
  }

  run(ms: number): void {
    const end = this.#now + ms;
    if (this.#now === 0) this.#begin();
    for (;;) {
      const due = this.#clients.map((client) => client.pollTimeout());
      const first = due.reduce((a, b) => Math.min(a, b), this.#server.pollTimeout());
      if (first > end) break;
      this.#now = Math.max(this.#now, first);
      if (this.#server.pollTimeout() <= this.#now) this.#wakeServer();
      due.forEach((at, number) => {
        if (at > this.#now) return;
        this.#clients[number]!.handleTimeout(this.#now);
        this.#deliver(number);
      });
    }
    this.#now = end;
  }

  /** Starts the active peers one after the other, within one interval of the keepalives. */
  #begin(): void {
    this.#clients.forEach((client, number) => {
      this.#now += (KEEPALIVE_SECONDS * 1000) / this.#clients.length;
      const endpoint = SERVER_ENDPOINT;
      const peer = { publicKey: this.#publicKey, endpoint, persistentKeepalive: KEEPALIVE_SECONDS };
      client.configure({ peers: [peer] }, this.#now);
      this.#deliver(number);
    });
  }

  #wakeServer(): void {
    this.#wakes++;
    this.#measure(() => this.#server.handleTimeout(this.#now));
    this.#deliverAnswers();
  }

  /** Delivers datagrams between a client and the server until neither has more. */
  #deliver(number: number): void {
    const client = this.#clients[number]!;
    for (let sent = client.pollTransmit(); sent; sent = client.pollTransmit()) {
      const datagram = sent.datagram.slice();
      this.#messages++;
      this.#measure(() => this.#server.handleDatagram(datagram, endpointOf(number), this.#now));
      this.#deliverAnswers();
    }
    while (client.pollEvent());
  }

  #deliverAnswers(): void {
    for (let sent = this.#server.pollTransmit(); sent; sent = this.#server.pollTransmit()) {
      this.#messages++;
      const number = numberOf(sent.destination);
      this.#clients[number]!.handleDatagram(sent.datagram.slice(), SERVER_ENDPOINT, this.#now);
      this.#deliver(number);
    }
    while (this.#server.pollEvent());
  }

  /** Calls `work`, which uses the server, and measures its time. */
  #measure(work: () => void): void {
    const start = performance.now();
    work();
    this.#server.pollTimeout();
    this.#busyMs += performance.now() - start;
  }
}

function endpointOf(number: number): Endpoint {
  return new Endpoint(Uint8Array.of(10, number >> 16, number >> 8, number), 51820);
}

function numberOf({ address }: Endpoint): number {
  return ((address[1] ?? 0) << 16) | ((address[2] ?? 0) << 8) | (address[3] ?? 0);
}

const SERVER = 0xffffff;
const SERVER_ENDPOINT = new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820);
const KEEPALIVE_SECONDS = 25;
const WARM_UP_MS = 130_000;
