/**
 * `TunnelDaemon`: the WireGuard daemon of an interface, from when it is found until it ends, and again
 * when it comes back.
 *
 * It is asked for its whole state once, when it is found. From then on it is told what differs, one
 * request for all that has changed meanwhile, and tells which peers change. Nothing is asked at
 * intervals. The only thing that is looked for again and again is the socket of a daemon that isn't
 * there.
 *
 * @module
 */
import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { PrivateKey, PublicKey } from '@litz/core';
import { equalBytes, wipe } from '@litz/core/internals';
import {
  wipeSecrets,
  type ChangedPeer,
  type DeviceChange,
  type DeviceStatus,
  type PeerChanges,
} from '@litz/config';
import {
  programmedTunnel,
  tunnelChange,
  type ProgrammedTunnel,
  type TunnelChange,
  type TunnelConfig,
  type TunnelPeer,
} from './tunnel-config.ts';

/** What of a `UapiClient` is used. */
export interface DaemonClient {
  readonly path: string;
  get(options: { readonly keys: boolean }): Promise<DeviceStatus>;
  set(change: DeviceChange): Promise<void>;
  changes(options: { signal: AbortSignal }): AsyncIterable<PeerChanges>;
}

/** Calls come from the event loop, one after the other. */
export interface DaemonListener {
  /** The daemon is there. What was to be programmed is programmed next. */
  onUp(): void;
  onDown(reason: string): void;
  /** Peers have changed. `isResync`: these are all that there are. */
  onPeers(peers: readonly ChangedPeer[], isResync: boolean): void;
  /** It can't be programmed, or not be reached, and why; said when that changes. */
  onTrouble(trouble: string | undefined): void;
}

export interface TunnelDaemonOptions {
  readonly client: DaemonClient;
  readonly listener: DaemonListener;
  /** A copy, which is wiped. */
  readonly privateKeyOf: (publicKey: PublicKey) => PrivateKey;
  /** Comes back when the socket may be there; default: a watch on its folder, and a fifth of a second. */
  readonly socketComes?: (path: string, signal: AbortSignal) => Promise<void>;
}

export class TunnelDaemon {
  readonly #client: DaemonClient;
  readonly #listener: DaemonListener;
  readonly #privateKeyOf: (publicKey: PublicKey) => PrivateKey;
  readonly #socketComes: (path: string, signal: AbortSignal) => Promise<void>;
  readonly #closing = new AbortController();
  #ended: Promise<void> = Promise.resolve();
  #isUp = false;
  #wanted: TunnelConfig | undefined = undefined;
  /** What was told last; undefined: it has to be asked. */
  #programmed: ProgrammedTunnel | undefined = undefined;
  /** Of `#programmed`, once it was told something. */
  #peers: Map<string, TunnelPeer> = new Map();
  /** Names of the peers that may not be as they are wanted. */
  #suspects: Set<string> | 'all' = 'all';
  #work: Promise<void> | undefined = undefined;
  #trouble: string | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(options: TunnelDaemonOptions) {
    this.#client = options.client;
    this.#listener = options.listener;
    this.#privateKeyOf = options.privateKeyOf;
    this.#socketComes = options.socketComes ?? socketComes;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** The identities that it has been told; undefined while it is not there. */
  get identities(): { own: PublicKey | undefined; next: PublicKey | undefined } | undefined {
    if (!this.#isUp || !this.#programmed) return undefined;
    const { own, next } = this.#programmed;
    return { own, next };
  }

  start(): void {
    this.#ended = this.#follow();
  }

  /**
   * From now on this is what it is to have, also when it comes back. Resolves when it has it, or when
   * that has to wait because the daemon isn't there or refuses it.
   *
   * @param changed names of the peers that may differ from those of the call before; default: all. With
   *   it, `wanted.peers` may be the same map again
   */
  async program(wanted: TunnelConfig, changed?: ReadonlySet<string>): Promise<void> {
    this.#wanted = wanted;
    this.#suspect(changed);
    await this.#catchUpWith(wanted);
  }

  async #catchUpWith(wanted: TunnelConfig): Promise<void> {
    this.#work ??= this.#catchUp().finally(() => (this.#work = undefined));
    await this.#work;
    // Somebody came when the work was all but done.
    if (this.#wanted === wanted && this.#isBehind() && !this.#trouble) {
      await this.#catchUpWith(wanted);
    }
  }

  /**
   * Its whole state, for a person who asks. Secrets are wiped in it.
   *
   * @throws {UapiError} it can't be asked
   */
  async status(): Promise<DeviceStatus> {
    const status = await this.#client.get({ keys: false });
    wipeSecrets(status);
    return status;
  }

  /** Follows it no more. It goes on with what it has. */
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
      await this.#socketComes(this.#client.path, signal);
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

  #difference(wanted: TunnelConfig, present: ProgrammedTunnel): TunnelChange | undefined {
    return tunnelChange(wanted, present, this.#suspects === 'all' ? undefined : this.#suspects);
  }

  /** One request after the other, until it has what is wanted. */
  async #catchUp(): Promise<void> {
    // What is wanted in the same turn is one change.
    await Promise.resolve();
    while (this.#isUp && this.#wanted && !this.#closing.signal.aborted) {
      try {
        if (!this.#programmed) {
          this.#programmed = await this.#ask(this.#wanted);
          this.#suspects = 'all';
        }
        if (!(await this.#tell(this.#wanted, this.#programmed))) return;
        this.#setTrouble(undefined);
      } catch (error) {
        // Nobody knows how much of it was taken.
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

  async #ask(wanted: TunnelConfig): Promise<ProgrammedTunnel> {
    const status = await this.#client.get({ keys: true });
    try {
      const { privateKey, nextPrivateKey } = status;
      const own = privateKey && this.#whose(privateKey, wanted);
      const next = nextPrivateKey ? this.#whose(nextPrivateKey, wanted) : undefined;
      return programmedTunnel(status, { own, next }, wanted, Date.now());
    } finally {
      wipeSecrets(status);
    }
  }

  /** @returns whether there was something to tell */
  async #tell(wanted: TunnelConfig, present: ProgrammedTunnel): Promise<boolean> {
    const difference = this.#difference(wanted, present);
    // Somebody may change the map while the daemon is told.
    const told = this.#withSuspects(wanted.peers);
    this.#suspects = new Set();
    if (difference) await this.#send(difference);
    // It has gone meanwhile, and the next one has none of it.
    if (this.#programmed !== present) return true;
    this.#peers = told();
    this.#programmed = { ...wanted, peers: this.#peers, strangers: [] };
    return difference !== undefined;
  }

  async #send({ change, own, next }: TunnelChange): Promise<void> {
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

  /** How the peers are when the daemon has what is wanted now. Of 5,000 of them few are looked at. */
  #withSuspects(wanted: TunnelConfig['peers']): () => Map<string, TunnelPeer> {
    if (this.#suspects === 'all') {
      const all = new Map(wanted);
      return () => all;
    }
    const some = [...this.#suspects].map((name) => [name, wanted.get(name)] as const);
    return () => {
      for (const [name, peer] of some) {
        if (peer) this.#peers.set(name, peer);
        else this.#peers.delete(name);
      }
      return this.#peers;
    };
  }

  /** The public half, of those of our keys that it may be. */
  #whose(privateKey: PrivateKey, { own, next }: TunnelConfig): PublicKey | undefined {
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

/** A fifth of a second at most: a folder that isn't there, or is replaced, can't be watched. */
async function socketComes(path: string, signal: AbortSignal): Promise<void> {
  let watcher: FSWatcher | undefined;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      // A daemon may be looked for for days, with one and the same signal.
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, LOOK_AGAIN_MS);
    signal.addEventListener('abort', done);
    try {
      watcher = watch(dirname(path), (_event, name) => {
        if (name === null || name === basename(path)) done();
      });
      watcher.on('error', () => {});
    } catch {
      // The timer is enough.
    }
  });
  watcher?.close();
}

const LOOK_AGAIN_MS = 200;
const TRY_LATER_MS = 1000;
