/**
 * `OneEnd`: measures one daemon with its interface. At the far end of the tunnel is a program
 * without an interface, which needs little CPU time during a measurement. The program takes part in
 * the handshake. If it sends transport messages, it has sealed them before the measurement.
 *
 * ```
 *   a: daemon, 10.9.0.1                          b: far end, no interface
 *   va 192.168.77.1 ---------------------------- vb 192.168.77.2
 * ```
 *
 * To measure sending, packets go into the interface, and nft drops the transport messages as soon
 * as they reach b. To measure receiving, the far end sends its messages, and nft drops the packets
 * as soon as the daemon has written them to its interface.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseCidr } from '@litz/config';
import { UapiClient } from '@litz/config/uapi';
import {
  Endpoint,
  formatKey,
  generatePrivateKey,
  nobleProvider,
  publicKeyOf,
  type PrivateKey,
} from '@litz/core';
import { messageLengthOf } from '@litz/core/internals';
import { answerIn } from '../child.ts';
import { runCommand, RunningCommand, until } from '../peers/command.ts';
import { Daemon } from '../peers/daemon.ts';
import type { Implementation } from '../peers/implementation.ts';
import { NamespacePair, OUTER } from '../peers/namespace-pair.ts';
import { ip } from '../peers/namespaces.ts';
import { INNER } from '../peers/tunnel.ts';

/** The packets of a load. */
export interface Load {
  /** The length of the packets with their IP header, in bytes. */
  readonly packetLength: number;
  /** The MTU of the interface, in bytes. */
  readonly mtu: number;
  /**
   * true: `load-child.js` sends super-packets, as a program with QUIC does. false: it sends single
   * packets, as a program for voice calls does.
   */
  readonly superPackets: boolean;
}

/** The results of a load. */
export interface Shown {
  /** How many packets the daemon took per second. */
  readonly packetsPerSecond: number;
  /** How many packets the load sent per second. */
  readonly offeredPerSecond: number;
  /** The CPU time of the daemon in seconds per second: 1 is one whole core. */
  readonly daemonCores: number;
  /** The CPU time of the program that sends the load, in seconds per second. */
  readonly generatorCores: number;
}

/** The answer of `load-child.js`. */
export type SentLoad = Shown;
/** The answer of `far-end-child.js`. */
export interface ReceivedLoad extends Shown {
  /**
   * true: the far end has found the highest rate that the daemon can take. false: it has not found
   * this rate, because it could not send fast enough.
   */
  readonly isLimitFound: boolean;
}

/** The settings of `load-child.js`. */
export interface LoadSettings {
  readonly address: string;
  readonly packetLength: number;
  readonly superPackets: boolean;
  readonly seconds: number;
  readonly daemonPid: number;
  readonly link: string;
  readonly messageLength: number;
}

/** The settings of `far-end-child.js`. */
export interface FarEndSettings {
  readonly privateKey: string;
  readonly peerPublicKey: string;
  /** The address of the daemon outside the tunnel. */
  readonly peerOuter: string;
  readonly peerAddress: string;
  readonly address: string;
  readonly port: number;
  readonly mtu: number;
  readonly load?: ReceiveSettings;
}

/** The load that a far end sends. */
export interface ReceiveSettings {
  readonly packetLength: number;
  readonly messageLength: number;
  readonly seconds: number;
  readonly daemonPid: number;
  readonly link: string;
}

export class OneEnd {
  readonly #implementation: Implementation;
  readonly #load: Load;
  readonly #namespaces: NamespacePair;
  readonly #daemon: Daemon;
  readonly #keys: Readonly<Record<'a' | 'b', PrivateKey>> = {
    a: generatePrivateKey(randomFillSync),
    b: generatePrivateKey(randomFillSync),
  };

  /** Starts a daemon. @throws {Error} (rejects) it did not start; everything is released */
  static async open(implementation: Implementation, load: Load): Promise<OneEnd> {
    const end = new OneEnd(implementation, load, await NamespacePair.create());
    try {
      await end.#start();
      return end;
    } catch (error) {
      await end.close();
      throw error;
    }
  }

  private constructor(implementation: Implementation, load: Load, namespaces: NamespacePair) {
    this.#implementation = implementation;
    this.#load = load;
    this.#namespaces = namespaces;
    this.#daemon = new Daemon(implementation, { namespace: namespaces.a });
  }

  /**
   * Measures sending: packets go into the interface, at a rate a little above the rate that the
   * daemon can take.
   */
  async send(seconds: number): Promise<Shown> {
    const far = await this.#startFarEnd();
    try {
      // The rule matches transport messages: their first byte, after the UDP header, is 4.
      await this.#drop(this.#namespaces.b, 'vb', 'udp dport 51820 @th,64,8 4 counter drop');
      const { packetLength, superPackets } = this.#load;
      const settings: LoadSettings = {
        address: INNER.b,
        packetLength,
        superPackets,
        seconds,
        daemonPid: this.#daemon.process.pid,
        link: 'va',
        messageLength: this.#messageLength,
      };
      const args = [childPath('load-child'), JSON.stringify(settings)];
      const options = { namespace: this.#namespaces.a, timeoutMs: seconds * 1000 + 30_000 };
      return answerIn(await runCommand(process.execPath, args, options), 'load-child') as Shown;
    } finally {
      await far.end();
    }
  }

  /**
   * Measures receiving: the far end sends messages that it has sealed before.
   *
   * @throws {Error} (rejects) Litz counted replays, so messages were sent twice and the measurement
   *   is invalid
   */
  async receive(seconds: number): Promise<ReceivedLoad> {
    const { interfaceName: link, process } = this.#daemon;
    await this.#drop(this.#namespaces.a, link, 'counter drop');
    const load: ReceiveSettings = {
      packetLength: this.#load.packetLength,
      messageLength: this.#messageLength,
      seconds,
      daemonPid: process.pid,
      link,
    };
    const far = await this.#startFarEnd(load);
    const shown = answerIn(
      await far.result(seconds * 1000 + 60_000),
      'far-end-child',
    ) as ReceivedLoad;
    await this.#checkReplays();
    return shown;
  }

  async close(): Promise<void> {
    await this.#daemon.close();
    this.#namespaces.close();
  }

  get #messageLength(): number {
    return messageLengthOf(this.#load.packetLength, this.#load.mtu);
  }

  async #start(): Promise<void> {
    const { mtu } = this.#load;
    const { a, b } = this.#namespaces;
    const veth = String(Math.max(1500, mtu + 80));
    await ip('-n', a, 'link', 'set', 'va', 'mtu', veth);
    await ip('-n', b, 'link', 'set', 'vb', 'mtu', veth);
    await this.#daemon.untilListening();
    const peer = {
      publicKey: publicKeyOf(this.#keys.b, nobleProvider),
      endpoint: new Endpoint(parseCidr(`${OUTER.b}/32`).address, PORT),
      allowedIps: [parseCidr(`${INNER.b}/32`)],
    };
    await this.#daemon.configure({ privateKey: this.#keys.a, listenPort: PORT, peers: [peer] });
    await this.#daemon.bringUp(`${INNER.a}/24`, mtu);
  }

  async #startFarEnd(load?: ReceiveSettings): Promise<RunningCommand> {
    const settings: FarEndSettings = {
      privateKey: formatKey(this.#keys.b),
      peerPublicKey: formatKey(publicKeyOf(this.#keys.a, nobleProvider)),
      peerOuter: OUTER.a,
      peerAddress: INNER.a,
      address: INNER.b,
      port: PORT,
      mtu: this.#load.mtu,
      ...(load && { load }),
    };
    const args = [childPath('far-end-child'), JSON.stringify(settings)];
    const far = new RunningCommand(process.execPath, args, { namespace: this.#namespaces.b });
    const isReady = (): boolean => {
      far.checkAlive();
      return far.output.includes('ready');
    };
    await until('the far end', isReady);
    return far;
  }

  /**
   * Loads an nft rule for the packets that arrive at an interface. The rule sees them before the IP
   * layer.
   */
  async #drop(namespace: string, device: string, rule: string): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'litz-bench-'));
    const hook = `type filter hook ingress device ${device} priority 0; policy accept;`;
    try {
      writeFileSync(
        join(folder, 'rules'),
        `table netdev t {\n chain c {\n ${hook}\n ${rule}\n }\n}\n`,
      );
      await runCommand('nft', ['-f', join(folder, 'rules')], { namespace });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Throws if Litz has counted replays. Other implementations do not count them. */
  async #checkReplays(): Promise<void> {
    this.#daemon.checkAlive();
    if (!this.#implementation.name.startsWith('litz')) return;
    const { details } = await new UapiClient(this.#daemon.socket).get({ stats: true });
    const replays = details?.drops['replayed-counter'] ?? 0;
    if (replays > 0)
      throw new Error(`the measurement is invalid: the receiver counted ${replays} replays`);
  }
}

/** The path of the built file, because Node.js 20 cannot run a TypeScript source. */
function childPath(name: string): string {
  const isSource = import.meta.url.endsWith('.ts');
  const path = isSource ? `../../dist/ends/${name}.js` : `${name}.js`;
  return fileURLToPath(new URL(path, import.meta.url));
}

const PORT = 51820;
