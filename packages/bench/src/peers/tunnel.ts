/**
 * `Tunnel`: two daemons of one implementation in a pair of namespaces, configured over their UAPI
 * sockets.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { parseCidr } from '@litz/config';
import { Endpoint, generatePrivateKey, nobleProvider, publicKeyOf } from '@litz/core';
import { Daemon } from './daemon.ts';
import { cpuSeconds, peakResidentMegabytes } from './daemon-process.ts';
import type { Implementation } from './implementation.ts';
import { NamespacePair, OUTER, type Side } from './namespace-pair.ts';
import { ping, type PingTimes } from './ping.ts';

/** The addresses inside the tunnel. */
export const INNER: Readonly<Record<Side, string>> = { a: '10.9.0.1', b: '10.9.0.2' };

/** The pings that go through a tunnel as soon as its links are up. */
export interface FirstPings {
  readonly count: number;
  readonly intervalSeconds: number;
}

export class Tunnel {
  readonly namespaces: NamespacePair;
  readonly #a: Daemon;
  readonly #b: Daemon;
  readonly #startedAt: number;
  #configuredMs = 0;
  #firstPings: PingTimes = { times: [], sent: 0 };

  /**
   * Brings up the tunnel and waits for a session.
   *
   * @param pings sent as soon as the links are up; the first one starts the handshake. One of them
   *   must be answered. Default: 5 pings, and 60 more if none of the 5 is answered
   * @throws {Error} (rejects) a daemon failed; the message has the stderr of both daemons, and
   *   everything is released
   */
  static async open(implementation: Implementation, pings?: FirstPings): Promise<Tunnel> {
    const namespaces = await NamespacePair.create();
    const tunnel = new Tunnel(implementation, namespaces);
    try {
      await tunnel.#start(pings);
    } catch (error) {
      await tunnel.close();
      throw tunnel.#explained(error);
    }
    return tunnel;
  }

  private constructor(implementation: Implementation, namespaces: NamespacePair) {
    this.namespaces = namespaces;
    this.#startedAt = performance.now();
    this.#a = new Daemon(implementation, { namespace: namespaces.a });
    this.#b = new Daemon(implementation, { namespace: namespaces.b });
  }

  /** Time in ms from the start of both daemons until both had carried out their first request. */
  get configuredMs(): number {
    return this.#configuredMs;
  }

  /** The pings of `open`. */
  get firstPings(): PingTimes {
    return this.#firstPings;
  }

  /** Returns the CPU time of both daemons since their start. */
  cpuSeconds(): number {
    return cpuSeconds(this.#a.process.pid) + cpuSeconds(this.#b.process.pid);
  }

  /** Returns the peak resident memory of the daemon with the higher peak. */
  peakResidentMegabytes(): number {
    return Math.max(...this.#daemons.map((daemon) => peakResidentMegabytes(daemon.process.pid)));
  }

  /** @throws {Error} a daemon has ended; the message has the last part of its stderr */
  checkAlive(): void {
    for (const daemon of this.#daemons) daemon.checkAlive();
  }

  async close(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.close()));
    this.namespaces.close();
  }

  get #daemons(): Daemon[] {
    return [this.#a, this.#b];
  }

  async #start(pings: FirstPings | undefined): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.untilListening()));
    await this.#introduce();
    this.#configuredMs = performance.now() - this.#startedAt;
    await this.#a.bringUp(`${INNER.a}/24`, MTU);
    await this.#b.bringUp(`${INNER.b}/24`, MTU);
    this.#firstPings = await (pings === undefined ? this.#untilSession() : this.#ping(pings));
  }

  /**
   * Pings until there is a session. If the first initiation arrives before the other daemon knows
   * that its link is up, the initiation is lost. The protocol repeats it after 5 s, so the second
   * series of pings lasts 6 s.
   */
  async #untilSession(): Promise<PingTimes> {
    try {
      return await this.#ping({ count: 5, intervalSeconds: 0.05 });
    } catch {
      return this.#ping({ count: 60, intervalSeconds: 0.1 });
    }
  }

  #ping({ count, intervalSeconds }: FirstPings): Promise<PingTimes> {
    return ping(this.namespaces.a, INNER.b, count, intervalSeconds);
  }

  /** Gives each daemon a private key, and the other daemon as its peer. */
  async #introduce(): Promise<void> {
    const keys = { a: generatePrivateKey(randomFillSync), b: generatePrivateKey(randomFillSync) };
    for (const [daemon, own, other] of [
      [this.#a, 'a', 'b'],
      [this.#b, 'b', 'a'],
    ] as const) {
      const peer = {
        publicKey: publicKeyOf(keys[other], nobleProvider),
        endpoint: new Endpoint(parseCidr(`${OUTER[other]}/32`).address, PORT),
        allowedIps: [parseCidr(`${INNER[other]}/32`)],
      };
      await daemon.configure({ privateKey: keys[own], listenPort: PORT, peers: [peer] });
    }
  }

  /** Returns the error with the stderr of both daemons. */
  #explained(error: unknown): Error {
    const outputs = this.#daemons
      .map(({ process: { errors } }) => errors.trim())
      .filter((text) => text !== '');
    return new Error([(error as Error).message, ...outputs].join('\n'), { cause: error });
  }
}

const PORT = 51820;
const MTU = 1420;
