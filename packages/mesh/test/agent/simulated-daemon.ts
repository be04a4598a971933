/**
 * `SimulatedDaemon`: a WireGuard daemon in memory. A test starts it, ends it, and makes its
 * sessions.
 *
 * @module
 */
import {
  nobleProvider,
  parsePrivateKey,
  publicKeyOf,
  type PrivateKey,
  type PublicKey,
} from '@litz/core';
import { keyId } from '@litz/core/internals';
import {
  readDeviceChange,
  type ChangedPeer,
  type DeviceChange,
  type DevicePeerStatus,
  type DeviceStatus,
  type PeerChanges,
} from '@litz/config';
import type { DaemonClient } from '../../src/daemon/daemon-client.ts';

type PeerChange = NonNullable<ReturnType<typeof readDeviceChange>['peers']>[number];
type Session = NonNullable<ChangedPeer['sessionStaticKeys']>;
interface Peer extends DevicePeerStatus {
  session: Session | undefined;
}

export class SimulatedDaemon implements DaemonClient {
  /** A path that does not exist. So the agent looks for the daemon at intervals. */
  readonly path = '/nowhere/wireguard/litz0.sock';
  /** Each `set` and `get` waits for this promise. */
  gate: Promise<void> = Promise.resolve();
  /** If defined, each `set` rejects with this error. */
  refusal: Error | undefined = undefined;
  gets = 0;
  sets = 0;
  listenPort = 0;
  fwmark = 0;
  readonly #log: (line: string) => void;
  #privateKey: PrivateKey | undefined = undefined;
  #nextPrivateKey: PrivateKey | undefined = undefined;
  #peers: Peer[] = [];
  #isThere = false;
  #reports: (PeerChanges | Error)[] = [];
  #wake: () => void = () => {};

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  get own(): PublicKey | undefined {
    return this.#privateKey && publicKeyOf(this.#privateKey, nobleProvider);
  }

  get next(): PublicKey | undefined {
    return this.#nextPrivateKey && publicKeyOf(this.#nextPrivateKey, nobleProvider);
  }

  get peers(): readonly Readonly<Peer>[] {
    return this.#peers;
  }

  /** Starts the daemon, without a configuration. */
  starts(): void {
    this.#isThere = true;
    this.#privateKey = undefined;
    this.#nextPrivateKey = undefined;
    this.#peers = [];
    this.listenPort = 0;
    this.fwmark = 0;
  }

  ends(): void {
    this.#isThere = false;
    this.#reports = [new Error('it ended')];
    this.#wake();
  }

  /** Simulates a handshake of our key `own` (default: the key in use) with a peer's key. */
  hasSession(theirs: PublicKey, own: PublicKey | undefined = this.own): void {
    const peer = this.#find(theirs);
    if (!peer || !own) throw new Error('the daemon has no such peer, or no key');
    peer.session = { own, peer: theirs };
    peer.lastHandshakeUnixMs = Date.now();
    this.#says(changed(peer));
  }

  async get({ keys }: { readonly keys: boolean }): Promise<DeviceStatus> {
    this.gets++;
    await this.gate;
    if (!this.#isThere) throw new Error('it ended');
    const [privateKey, nextPrivateKey] = [this.#privateKey, this.#nextPrivateKey];
    return {
      listenPort: this.listenPort,
      fwmark: this.fwmark,
      peers: this.#peers.map((peer) => ({ ...peer })),
      ...(keys && privateKey && { privateKey: parsePrivateKey(privateKey) }),
      ...(keys && nextPrivateKey && { nextPrivateKey: parsePrivateKey(nextPrivateKey) }),
    };
  }

  async set(change: DeviceChange): Promise<void> {
    // Copies the keys before the first `await`, because the caller wipes them.
    const read = readDeviceChange(change);
    await this.gate;
    if (!this.#isThere) throw new Error('it ended');
    if (this.refusal) throw this.refusal;
    this.sets++;
    this.#log(`daemon: ${Object.keys(change).join(' ')}`);
    if (read.privateKey !== undefined) this.#setPrivateKey(read.privateKey ?? undefined);
    if (read.nextPrivateKey !== undefined)
      this.#setNextPrivateKey(read.nextPrivateKey ?? undefined);
    this.listenPort = read.listenPort ?? this.listenPort;
    this.fwmark = read.fwmark ?? this.fwmark;
    if (read.replacePeers === true) this.#peers = [];
    for (const peer of read.peers ?? []) this.#apply(peer);
  }

  async *changes({ signal }: { signal: AbortSignal }): AsyncGenerator<PeerChanges> {
    if (!this.#isThere) throw new Error('no socket');
    signal.addEventListener('abort', () => this.#wake());
    this.#reports = [{ isResync: true, cursor: 1, peers: this.#peers.map(changed) }];
    for (;;) {
      const report = this.#reports.shift();
      if (report instanceof Error) throw report;
      if (report) yield report;
      else if (signal.aborted) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #says(...peers: ChangedPeer[]): void {
    this.#reports.push({ isResync: false, cursor: 2, peers });
    this.#wake();
  }

  /**
   * Sets the own key. If it is the next key, it is promoted, and the sessions stay. Any other key
   * ends the sessions of the old key.
   */
  #setPrivateKey(key: PrivateKey | undefined): void {
    const [own, next] = [this.own, this.next];
    const wanted = key && publicKeyOf(key, nobleProvider);
    if (isSame(wanted, own)) return;
    this.#privateKey = key;
    if (isSame(wanted, next)) this.#nextPrivateKey = undefined;
    else this.#endSessions(own);
  }

  #setNextPrivateKey(key: PrivateKey | undefined): void {
    const { next } = this;
    this.#nextPrivateKey = key;
    if (!isSame(next, this.next)) this.#endSessions(next);
  }

  #endSessions(own: PublicKey | undefined): void {
    for (const peer of this.#peers) if (isSame(peer.session?.own, own)) peer.session = undefined;
  }

  #apply(change: PeerChange): void {
    const { publicKey } = change;
    const known = this.#find(publicKey);
    if (change.remove === true) {
      this.#peers = this.#peers.filter((peer) => peer !== known);
      if (known) this.#says({ ...changed(known), isRemoved: true });
      return;
    }
    const peer = known ?? newPeer(publicKey);
    if (!known) this.#peers.push(peer);
    if (change.nextPublicKey) peer.nextPublicKey = change.nextPublicKey;
    else if (change.nextPublicKey === null) delete peer.nextPublicKey;
    if (change.promotePublicKey === true && peer.nextPublicKey) {
      // A reader that knows only the old key must learn that the peer is removed.
      const removed = { ...changed(peer), isRemoved: true };
      peer.publicKey = peer.nextPublicKey;
      delete peer.nextPublicKey;
      this.#says(removed, changed(peer));
    }
    if (change.endpoint) peer.endpoint = change.endpoint;
    peer.persistentKeepalive = change.persistentKeepalive ?? peer.persistentKeepalive;
    const kept = change.replaceAllowedIps === true ? [] : peer.allowedIps;
    peer.allowedIps = [...kept, ...(change.allowedIps ?? [])];
  }

  #find(key: PublicKey): Peer | undefined {
    return this.#peers.find(
      ({ publicKey, nextPublicKey }) => isSame(publicKey, key) || isSame(nextPublicKey, key),
    );
  }
}

function newPeer(publicKey: PublicKey): Peer {
  return {
    publicKey,
    persistentKeepalive: 0,
    allowedIps: [],
    lastHandshakeUnixMs: 0,
    receivedBytes: 0,
    sentBytes: 0,
    session: undefined,
  };
}

function changed({ publicKey, endpoint, lastHandshakeUnixMs, session }: Peer): ChangedPeer {
  const sessionStaticKeys = session;
  return {
    publicKey,
    isRemoved: false,
    endpoint,
    lastHandshakeUnixMs,
    ...(sessionStaticKeys && { sessionStaticKeys }),
  };
}

function isSame(a: PublicKey | undefined, b: PublicKey | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && keyId(a) === keyId(b));
}
