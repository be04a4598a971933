/**
 * `LiveSource`: reads the status of interfaces again and again, and computes rates from one reading
 * to the next.
 *
 * @module
 */
import { wipeSecrets, type DevicePeerStatus, type DeviceStatus } from '@litz/config';
import { formatKey } from '@litz/core';
import { describeFailure } from '../failure.ts';
import { publicKeyOfStatus } from '../show/public-key.ts';
import { countersOfPeer, describePeer, peerId } from './describe-peer.ts';
import { InterfaceClient, socketNames } from './interface-client.ts';
import { ratesBetween, type LiveCounters } from './live-rates.ts';
import {
  NO_RATES,
  sumOfDrops,
  sumOfRates,
  type LiveInterface,
  type LivePeer,
  type LiveRates,
  type LiveStatus,
} from './live-status.ts';

/** How a source reaches the daemons and knows the time. */
export interface LiveSourceParts {
  /** Returns the interfaces that have a daemon. */
  list(): readonly string[];
  connect(name: string): StatusReader;
  /** Monotonic time in milliseconds. */
  now(): number;
  /** Unix time in milliseconds. */
  unixTime(): number;
}

/** The status of one interface; an `InterfaceClient` is one. */
export interface StatusReader {
  read(): Promise<DeviceStatus>;
  close(): void;
}

export class LiveSource {
  /** Undefined: all interfaces that have a daemon. */
  readonly #names: readonly string[] | undefined;
  readonly #parts: LiveSourceParts;
  readonly #readers = new Map<string, StatusReader>();
  #counters = new Map<string, LiveCounters>();
  #readAt: number | undefined;
  #pending: Promise<LiveStatus> | undefined;

  /**
   * @param names the interfaces to watch; none: all that have a daemon, also those that come later
   * @throws {Failure} one of them is not the name of an interface
   */
  constructor(names: readonly string[], parts: LiveSourceParts = MACHINE) {
    this.#parts = parts;
    this.#names = names.length === 0 ? undefined : [...new Set(names)];
    for (const name of this.#names ?? []) this.#readers.set(name, parts.connect(name));
  }

  /**
   * Reads all interfaces. Does not reject if a daemon does not answer: the status says so. Calls
   * during a reading get its result.
   */
  read(): Promise<LiveStatus> {
    this.#pending ??= this.#read().finally(() => (this.#pending = undefined));
    return this.#pending;
  }

  close(): void {
    for (const reader of this.#readers.values()) reader.close();
  }

  async #read(): Promise<LiveStatus> {
    const names = this.#names ?? this.#find();
    const answers = await Promise.all(names.map((name) => this.#ask(name)));
    const now = this.#parts.now();
    const elapsed = this.#readAt === undefined ? undefined : now - this.#readAt;
    const round = new Round(this.#counters, elapsed, this.#parts.unixTime());
    for (const { name, status, trouble } of answers) {
      // Of all interfaces, those whose daemon was killed are left out.
      if (status) round.add(name, status);
      else if (this.#names) round.addSilent(name, trouble);
    }
    for (const { status } of answers) if (status) wipeSecrets(status);
    this.#counters = round.counters;
    this.#readAt = now;
    return round.status();
  }

  /** Returns the interfaces that have a socket, with a reader for each. */
  #find(): readonly string[] {
    const names = this.#parts.list();
    for (const [name, reader] of this.#readers) {
      if (names.includes(name)) continue;
      reader.close();
      this.#readers.delete(name);
    }
    for (const name of names) {
      if (!this.#readers.has(name)) this.#readers.set(name, this.#parts.connect(name));
    }
    return names;
  }

  async #ask(
    name: string,
  ): Promise<{ name: string; status?: DeviceStatus; trouble?: string | undefined }> {
    try {
      const status = await this.#readers.get(name)?.read();
      return status ? { name, status } : { name };
    } catch (error) {
      // More lines are advice about the command line.
      return { name, trouble: describeFailure(error).split('\n', 1)[0] };
    }
  }
}

/** One reading of all interfaces. */
class Round {
  readonly counters = new Map<string, LiveCounters>();
  readonly #before: ReadonlyMap<string, LiveCounters>;
  readonly #elapsed: number | undefined;
  readonly #time: number;
  readonly #interfaces: LiveInterface[] = [];
  readonly #peers: LivePeer[] = [];

  constructor(
    before: ReadonlyMap<string, LiveCounters>,
    elapsed: number | undefined,
    time: number,
  ) {
    this.#before = before;
    this.#elapsed = elapsed;
    this.#time = time;
  }

  add(name: string, status: DeviceStatus): void {
    const { details, listenPort } = status;
    const peers = status.peers.map((peer) => this.#peer(name, status, peer));
    const rates = sumOfRates(peers.map((peer) => peer.rates));
    // Of what an interface drops, most belongs to no peer.
    const drops = { ...NOTHING_COUNTED, drops: sumOfDrops(details?.drops) };
    this.#interfaces.push({
      name,
      trouble: undefined,
      publicKey: publicKeyOfStatus(status),
      listenPort,
      provider: details?.provider,
      offloads: details?.offloads,
      drops: details?.drops,
      peerCount: peers.length,
      connectedCount: peers.filter(({ state }) => state === 'connected').length,
      rates: { ...rates, drops: this.#ratesOf(name, drops).drops },
    });
    for (const peer of peers) this.#peers.push(peer);
  }

  addSilent(name: string, trouble: string | undefined): void {
    this.#interfaces.push({
      name,
      trouble,
      publicKey: undefined,
      listenPort: 0,
      provider: undefined,
      offloads: undefined,
      drops: undefined,
      peerCount: 0,
      connectedCount: 0,
      rates: NO_RATES,
    });
  }

  status(): LiveStatus {
    return {
      version: 1,
      time: this.#time,
      intervalMs: this.#elapsed,
      interfaces: this.#interfaces,
      peers: this.#peers,
    };
  }

  #peer(name: string, status: DeviceStatus, peer: DevicePeerStatus): LivePeer {
    const rates = this.#ratesOf(peerId(name, formatKey(peer.publicKey)), countersOfPeer(peer));
    return describePeer(peer, { name, status }, rates, this.#time);
  }

  #ratesOf(id: string, counters: LiveCounters): LiveRates {
    this.counters.set(id, counters);
    const before = this.#before.get(id);
    if (!before || this.#elapsed === undefined || this.#elapsed <= 0) return NO_RATES;
    return ratesBetween(before, counters, this.#elapsed);
  }
}

const NOTHING_COUNTED: LiveCounters = {
  receivedBytes: 0,
  sentBytes: 0,
  receivedMessages: 0,
  sentMessages: 0,
  drops: 0,
  handshakeAt: 0,
};

const MACHINE: LiveSourceParts = {
  list: socketNames,
  connect: (name) => new InterfaceClient(name, { keepsConnection: true }),
  now: () => performance.now(),
  unixTime: () => Date.now(),
};
