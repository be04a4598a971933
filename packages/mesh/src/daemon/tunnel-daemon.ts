/**
 * `TunnelDaemon`: finds the WireGuard daemon of an interface, programs it, follows its changes, and
 * finds it again after a restart.
 *
 * The complete configuration is read when the daemon is found, and after a request that failed.
 * Apart from that, only differences are sent, with all current changes in one request, and the
 * daemon reports which peers change. Nothing is polled, except the socket of a daemon that is not
 * running.
 *
 * @module
 */
import type { PrivateKey, PublicKey } from '@litz/core';
import { equalBytes, wipe } from '@litz/core/internals';
import { wipeSecrets, type DeviceStatus } from '@litz/config';
import type { DaemonClient, DaemonListener } from './daemon-client.ts';
import {
  programmedTunnel,
  tunnelChange,
  type ProgrammedTunnel,
  type TunnelChange,
  type TunnelConfig,
  type TunnelPeer,
} from './tunnel-config.ts';
import { waitForSocket } from './wait-for-socket.ts';

export interface TunnelDaemonOptions {
  readonly client: DaemonClient;
  readonly listener: DaemonListener;
  /** Returns a copy of a private key. `TunnelDaemon` wipes the copy. */
  readonly privateKeyOf: (publicKey: PublicKey) => PrivateKey;
  /** Resolves when the socket may exist. Default: watches its directory, for at most 200 ms. */
  readonly waitForSocket?: (path: string, signal: AbortSignal) => Promise<void>;
}

export class TunnelDaemon {
  readonly #client: DaemonClient;
  readonly #listener: DaemonListener;
  readonly #privateKeyOf: (publicKey: PublicKey) => PrivateKey;
  readonly #waitForSocket: (path: string, signal: AbortSignal) => Promise<void>;
  readonly #closing = new AbortController();
  #ended: Promise<void> = Promise.resolve();
  #isUp = false;
  #wanted: TunnelConfig | undefined = undefined;
  /** The configuration that was last sent or read. Undefined: it must be read. */
  #programmed: ProgrammedTunnel | undefined = undefined;
  /**
   * The map in `#programmed.peers` after `#send`. Later calls of `#send` may change this map in
   * place.
   */
  #peers: Map<string, TunnelPeer> = new Map();
  /** The names of the peers that may differ from the wanted configuration. */
  #suspects: Set<string> | 'all' = 'all';
  #work: Promise<void> | undefined = undefined;
  #trouble: string | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(options: TunnelDaemonOptions) {
    this.#client = options.client;
    this.#listener = options.listener;
    this.#privateKeyOf = options.privateKeyOf;
    this.#waitForSocket = options.waitForSocket ?? waitForSocket;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /**
   * The public keys of the daemon's identities. Undefined while the daemon is not connected, or
   * while its keys are not known.
   */
  get identities(): { own: PublicKey | undefined; next: PublicKey | undefined } | undefined {
    if (!this.#isUp || !this.#programmed) return undefined;
    const { own, next } = this.#programmed;
    return { own, next };
  }

  start(): void {
    this.#ended = this.#follow();
  }

  /**
   * Sets the configuration that the daemon must have. A daemon that restarts later gets it too.
   * Resolves when the daemon has this configuration. Also resolves if the daemon is not running or
   * refuses the configuration.
   *
   * @param changed the names of the peers that may differ from the last call; default: all. If it
   *   is given, `wanted.peers` may be the map of the last call, changed in place
   */
  async program(wanted: TunnelConfig, changed?: ReadonlySet<string>): Promise<void> {
    this.#wanted = wanted;
    this.#suspect(changed);
    await this.#catchUpWith(wanted);
  }

  async #catchUpWith(wanted: TunnelConfig): Promise<void> {
    this.#work ??= this.#catchUp().finally(() => (this.#work = undefined));
    await this.#work;
    // If `program` was called when the work was almost finished, the work left its change out.
    if (this.#wanted === wanted && this.#isBehind() && !this.#trouble) {
      await this.#catchUpWith(wanted);
    }
  }

  /**
   * Reads the complete status of the daemon. The secrets in the status are wiped.
   *
   * @throws {UapiError} the daemon cannot be reached
   */
  async status(): Promise<DeviceStatus> {
    const status = await this.#client.get({ keys: false });
    wipeSecrets(status);
    return status;
  }

  /** Stops following the daemon. The daemon keeps its configuration. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#ended;
    await this.#work;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        for await (const { peers, isResync } of this.#client.changes({ signal })) {
          if (!this.#isUp) this.#found();
          this.#listener.onPeers(peers, isResync);
        }
      } catch (error) {
        this.#lost((error as Error).message);
      }
      if (signal.aborted) return;
      await this.#waitForSocket(this.#client.path, signal);
    }
  }

  #found(): void {
    this.#isUp = true;
    this.#programmed = undefined;
    this.#setTrouble(undefined);
    this.#listener.onUp();
    if (this.#wanted) void this.#catchUpWith(this.#wanted);
  }

  #lost(reason: string): void {
    if (this.#isUp) {
      this.#isUp = false;
      this.#programmed = undefined;
      this.#listener.onDown(reason);
    } else {
      this.#setTrouble(reason);
    }
  }

  #isBehind(): boolean {
    if (!this.#isUp || !this.#wanted) return false;
    return !this.#programmed || this.#difference(this.#wanted, this.#programmed) !== undefined;
  }

  #suspect(changed: ReadonlySet<string> | undefined): void {
    if (!changed) this.#suspects = 'all';
    else if (this.#suspects !== 'all') for (const name of changed) this.#suspects.add(name);
  }

  #difference(wanted: TunnelConfig, current: ProgrammedTunnel): TunnelChange | undefined {
    return tunnelChange(wanted, current, this.#suspects === 'all' ? undefined : this.#suspects);
  }

  /** Sends one request after the other until the daemon has the wanted configuration. */
  async #catchUp(): Promise<void> {
    // All calls of `program` in the same turn of the event loop become one request.
    await Promise.resolve();
    while (this.#isUp && this.#wanted && !this.#closing.signal.aborted) {
      try {
        if (!this.#programmed) {
          this.#programmed = await this.#read(this.#wanted);
          this.#suspects = 'all';
        }
        if (!(await this.#send(this.#wanted, this.#programmed))) return;
        this.#setTrouble(undefined);
      } catch (error) {
        // It is unknown which part of the request the daemon has applied.
        this.#programmed = undefined;
        if (this.#isUp) this.#setTrouble((error as Error).message);
        this.#tryLater();
        return;
      }
    }
  }

  #tryLater(): void {
    clearTimeout(this.#timer);
    if (this.#closing.signal.aborted) return;
    this.#timer = setTimeout(() => {
      if (this.#wanted) void this.#catchUpWith(this.#wanted);
    }, TRY_LATER_MS);
  }

  async #read(wanted: TunnelConfig): Promise<ProgrammedTunnel> {
    const status = await this.#client.get({ keys: true });
    try {
      const { privateKey, nextPrivateKey } = status;
      const own = privateKey && this.#wantedKeyOf(privateKey, wanted);
      const next = nextPrivateKey ? this.#wantedKeyOf(nextPrivateKey, wanted) : undefined;
      return programmedTunnel(status, { own, next }, wanted, Date.now());
    } finally {
      wipeSecrets(status);
    }
  }

  /**
   * Sends the difference to the daemon.
   *
   * @returns true if there was a difference
   */
  async #send(wanted: TunnelConfig, current: ProgrammedTunnel): Promise<boolean> {
    const difference = this.#difference(wanted, current);
    // The caller of `program` may change the map `wanted.peers` while the request is sent.
    const peersAfter = this.#withSuspects(wanted.peers);
    this.#suspects = new Set();
    if (difference) await this.#request(difference);
    // If the daemon has ended meanwhile, the next daemon starts without this configuration.
    if (this.#programmed !== current) return true;
    this.#peers = peersAfter();
    this.#programmed = { ...wanted, peers: this.#peers, unknownPeers: [] };
    return difference !== undefined;
  }

  async #request({ change, own, next }: TunnelChange): Promise<void> {
    const privateKey = own && this.#privateKeyOf(own);
    const nextPrivateKey = next && this.#privateKeyOf(next);
    try {
      await this.#client.set({
        ...change,
        ...(privateKey && { privateKey }),
        ...(next !== undefined && { nextPrivateKey: nextPrivateKey ?? null }),
      });
    } finally {
      wipe(privateKey, nextPrivateKey ?? undefined);
    }
  }

  /**
   * Returns a function that gives the peers as the daemon has them after the request. Only the
   * peers in `#suspects` are read: usually a few among thousands.
   */
  #withSuspects(wanted: TunnelConfig['peers']): () => Map<string, TunnelPeer> {
    if (this.#suspects === 'all') {
      const all = new Map(wanted);
      return () => all;
    }
    const suspects = [...this.#suspects].map((name) => [name, wanted.get(name)] as const);
    return () => {
      for (const [name, peer] of suspects) {
        if (peer) this.#peers.set(name, peer);
        else this.#peers.delete(name);
      }
      return this.#peers;
    };
  }

  /** Returns the public key of a private key, if it is one of the two wanted keys. */
  #wantedKeyOf(privateKey: PrivateKey, { own, next }: TunnelConfig): PublicKey | undefined {
    return [own, next].find((publicKey) => {
      if (!publicKey) return false;
      const known = this.#privateKeyOf(publicKey);
      try {
        return equalBytes(known, privateKey);
      } finally {
        wipe(known);
      }
    });
  }

  #setTrouble(trouble: string | undefined): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#listener.onTrouble(trouble);
  }
}

const TRY_LATER_MS = 1000;
