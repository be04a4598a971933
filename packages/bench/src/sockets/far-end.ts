/**
 * `FarEnd`: two namespaces, and in one of them wireguard-go with an interface and a server behind
 * it.
 *
 * ```
 *   a: client, 10.9.0.1                     b: wireguard-go, 10.9.0.2, server
 *   va 192.168.77.1 ----------------------- vb 192.168.77.2, :51820, :51821 with losses
 * ```
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCidr } from '@litz/config';
import {
  Endpoint,
  formatKey,
  generatePrivateKey,
  nobleProvider,
  publicKeyOf,
  type PrivateKey,
} from '@litz/core';
import { keyToHex } from '@litz/config';
import { RunningCommand, until } from '../peers/command.ts';
import { Daemon } from '../peers/daemon.ts';
import type { Implementation } from '../peers/implementation.ts';
import { NamespacePair, OUTER } from '../peers/namespace-pair.ts';
import { INNER } from '../peers/tunnel.ts';

/** How datagrams on the way are lost and delayed. */
export interface Loss {
  /** The share of datagrams that are lost in each direction. */
  readonly share: number;
  /** The delay in each direction, in ms. */
  readonly delayMs: number;
  readonly seed: number;
}

/** The far end of a tunnel, and what a client needs to reach it. */
export class FarEnd {
  readonly namespaces: NamespacePair;
  /** The wg-quick file of a client. */
  readonly config: string;
  /** The same configuration as a request for the UAPI. */
  readonly uapi: string;
  /** The private key of a client. */
  readonly privateKey: PrivateKey;
  /** The public key of wireguard-go, in base64. */
  readonly publicKey: string;
  /** The UDP port of the far end. */
  readonly port: number;
  readonly #folder: string;
  readonly #daemon: Daemon;
  readonly #programs: RunningCommand[] = [];
  readonly #farKey: PrivateKey;

  /** @throws {Error} (rejects) a program failed; everything is released */
  static async open(wireguardGo: Implementation, loss?: Loss): Promise<FarEnd> {
    const end = new FarEnd(await NamespacePair.create(), wireguardGo, loss);
    try {
      await end.#start(loss);
    } catch (error) {
      await end.close();
      throw error;
    }
    return end;
  }

  private constructor(namespaces: NamespacePair, wireguardGo: Implementation, loss?: Loss) {
    this.namespaces = namespaces;
    this.#daemon = new Daemon(wireguardGo, { namespace: namespaces.b });
    this.privateKey = generatePrivateKey(randomFillSync);
    this.#farKey = generatePrivateKey(randomFillSync);
    const far = publicKeyOf(this.#farKey, nobleProvider);
    this.publicKey = formatKey(far);
    this.port = loss ? RELAY_PORT : PORT;
    this.#folder = mkdtempSync(join(tmpdir(), 'litz-bench-'));
    const endpoint = `${OUTER.b}:${this.port}`;
    this.config = this.#write('litz.conf', [
      '[Interface]',
      `PrivateKey = ${formatKey(this.privateKey)}`,
      `Address = ${INNER.a}/32`,
      '[Peer]',
      `PublicKey = ${this.publicKey}`,
      'AllowedIPs = 10.9.0.0/24',
      `Endpoint = ${endpoint}`,
    ]);
    this.uapi = this.#write('uapi', [
      `private_key=${keyToHex(this.privateKey)}`,
      `public_key=${keyToHex(far)}`,
      `endpoint=${endpoint}`,
      'allowed_ip=10.9.0.0/24',
    ]);
  }

  /** Starts a program in the namespace of the client. It ends with the far end. */
  start(file: string, args: readonly string[]): RunningCommand {
    const program = new RunningCommand(file, args, { namespace: this.namespaces.a });
    this.#programs.push(program);
    return program;
  }

  async close(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.end()));
    await this.#daemon.close();
    this.namespaces.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(loss: Loss | undefined): Promise<void> {
    await this.#daemon.untilListening();
    const client = publicKeyOf(this.privateKey, nobleProvider);
    const peer = { publicKey: client, allowedIps: [parseCidr(`${INNER.a}/32`)] };
    await this.#daemon.configure({
      privateKey: this.#farKey,
      listenPort: PORT,
      peers: [peer],
    });
    await this.#daemon.bringUp(`${INNER.b}/24`, 1420);
    await this.#startInside('server-child', [INNER.b]);
    if (!loss) return;
    const { share, delayMs, seed } = loss;
    const relay = [RELAY_PORT, PORT, share, delayMs, seed].map(String);
    await this.#startInside('loss-relay-child', relay);
  }

  /** Starts a module of this folder in the namespace of the far end. */
  async #startInside(name: string, args: readonly string[]): Promise<void> {
    const words = [join(import.meta.dirname, `${name}.js`), ...args];
    const program = new RunningCommand(process.execPath, words, { namespace: this.namespaces.b });
    this.#programs.push(program);
    await until(name, () => {
      program.checkAlive();
      return program.output.includes('ready');
    });
  }

  #write(name: string, lines: readonly string[]): string {
    const file = join(this.#folder, name);
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
    return file;
  }
}

/** Returns the outer endpoint of a far end, for a client that has an interface. */
export function endpointOf({ port }: FarEnd): Endpoint {
  return new Endpoint(parseCidr(`${OUTER.b}/32`).address, port);
}

const PORT = 51820;
const RELAY_PORT = 51821;
