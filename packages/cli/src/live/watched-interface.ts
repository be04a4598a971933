/**
 * `WatchedInterface`: one interface of a `LiveSource`, with the last answer of its daemon.
 *
 * Each interface is read separately, and its rates are computed from the times of its own readings.
 * So a daemon that answers slowly, or does not answer, never changes what is shown of the others.
 *
 * @module
 */
import { wipeSecrets, type DevicePeerStatus, type DeviceStatus } from '@litz/config';
import { formatKey } from '@litz/core';
import { describeFailure } from '../failure.ts';
import { publicKeyOfStatus } from '../show/public-key.ts';
import { countersOfPeer, describePeer, peerId } from './describe-peer.ts';
import { ratesBetween, type LiveCounters } from './live-rates.ts';
import {
  NO_RATES,
  sumOfDrops,
  sumOfRates,
  type LiveInterface,
  type LivePeer,
  type LiveRates,
} from './live-status.ts';

/** Reads the status of one interface, as `InterfaceClient` does. */
export interface StatusReader {
  read(): Promise<DeviceStatus>;
  /** A reading in progress rejects. */
  close(): void;
}

export interface WatchedInterfaceParts {
  connect(name: string): StatusReader;
  /** Monotonic time in milliseconds. */
  now(): number;
  /** Unix time in milliseconds. */
  unixTime(): number;
  /** Resolves after this time, or at once when the signal is aborted. Never rejects. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** What is shown of an interface. */
export interface InterfaceReading {
  readonly shown: LiveInterface;
  readonly peers: readonly LivePeer[];
}

export class WatchedInterface {
  readonly name: string;
  /** How long the last whole reading took, in ms. */
  costMs = 0;
  /** Whether `LiveSource.read` ended without an answer of this daemon, and no answer came since. */
  isLate = false;
  /**
   * The last answer of its daemon. Undefined: the daemon has not answered yet, or the last attempt
   * failed.
   */
  reading: InterfaceReading | undefined = undefined;
  /** Why there is no reading. */
  trouble: string | undefined = DOES_NOT_ANSWER;
  /** Whether the daemon is there and does not answer. */
  isSilent = true;
  readonly #parts: WatchedInterfaceParts;
  #reader: StatusReader;
  #counters = new Map<string, LiveCounters>();
  #readAt: number | undefined;
  #pending: Promise<void> | undefined;
  /** A daemon that takes long is not asked again before this time. */
  #pausesUntil = -Infinity;
  #isClosed = false;
  #hasGivenUp = false;

  /** @throws {Failure} `name` is not the name of an interface */
  constructor(name: string, parts: WatchedInterfaceParts) {
    this.name = name;
    this.#parts = parts;
    this.#reader = parts.connect(name);
  }

  /**
   * Asks the daemon, unless the daemon was late and is left alone for some time. A call while the
   * daemon is being asked waits for the same answer. Resolves when the daemon has answered or the
   * reading has failed, at the latest after `LONGEST_READING_MS`. Never rejects.
   */
  update(): Promise<void> {
    if (this.#parts.now() < this.#pausesUntil) return Promise.resolve();
    return (this.#pending ??= this.#update().finally(() => (this.#pending = undefined)));
  }

  close(): void {
    this.#isClosed = true;
    this.#reader.close();
  }

  async #update(): Promise<void> {
    const parts = this.#parts;
    const start = parts.now();
    const ending = new AbortController();
    this.#hasGivenUp = false;
    const reading = this.#reader.read().finally(() => ending.abort());
    void parts.pause(LONGEST_READING_MS, ending.signal).then(() => {
      if (!ending.signal.aborted) this.#giveUp();
    });
    try {
      const status = await reading;
      this.#take(status, parts.now());
      wipeSecrets(status);
      this.costMs = parts.now() - start;
      // The pause between readings depends only on the daemons that are not late, so a late daemon
      // gets a pause of its own.
      if (this.isLate) this.#pausesUntil = parts.now() + this.costMs * (BUSY_SHARE - 1);
      this.isLate = false;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends a reading that takes too long, for instance because the daemon sends byte by byte. */
  #giveUp(): void {
    if (this.#isClosed) return;
    this.#hasGivenUp = true;
    this.#reader.close();
    this.#reader = this.#parts.connect(this.name);
  }

  #fail(error: unknown): void {
    this.isSilent = this.#hasGivenUp || isSilence(error);
    // Nobody waits for a daemon that has ended, so it is not late.
    this.isLate &&= this.isSilent;
    // Only the first line is shown. The other lines are advice about the command line.
    this.trouble = this.isSilent ? DOES_NOT_ANSWER : describeFailure(error).split('\n', 1)[0];
    this.reading = undefined;
    this.#counters = new Map();
    this.#readAt = undefined;
  }

  #take(status: DeviceStatus, now: number): void {
    const elapsed = this.#readAt === undefined ? undefined : now - this.#readAt;
    const time = this.#parts.unixTime();
    const step = new Step(this.#counters, elapsed);
    this.reading = step.describe(this.name, status, time);
    this.trouble = undefined;
    this.isSilent = false;
    this.#counters = step.counters;
    this.#readAt = now;
  }
}

/** Describes one reading of an interface, with rates since the reading before. */
class Step {
  readonly counters = new Map<string, LiveCounters>();
  readonly #before: ReadonlyMap<string, LiveCounters>;
  readonly #elapsed: number | undefined;

  constructor(before: ReadonlyMap<string, LiveCounters>, elapsed: number | undefined) {
    this.#before = before;
    this.#elapsed = elapsed;
  }

  describe(name: string, status: DeviceStatus, time: number): InterfaceReading {
    const { details, listenPort } = status;
    const peers = status.peers.map((peer) => this.#peer(peer, { name, status }, time));
    const rates = sumOfRates(peers.map((peer) => peer.rates));
    // A sum over the peers would miss most drops, because they belong to no peer.
    const drops = { ...NOTHING_COUNTED, drops: sumOfDrops(details?.drops) };
    const shown: LiveInterface = {
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
    };
    return { shown, peers };
  }

  #peer(
    peer: DevicePeerStatus,
    owner: { name: string; status: DeviceStatus },
    time: number,
  ): LivePeer {
    const id = peerId(owner.name, formatKey(peer.publicKey));
    return describePeer(peer, owner, this.#ratesOf(id, countersOfPeer(peer)), time);
  }

  #ratesOf(id: string, counters: LiveCounters): LiveRates {
    this.counters.set(id, counters);
    const before = this.#before.get(id);
    if (!before || this.#elapsed === undefined || this.#elapsed <= 0) return NO_RATES;
    return ratesBetween(before, counters, this.#elapsed);
  }
}

/**
 * Whether the daemon is there and does not answer. EAGAIN: its queue of waiting clients is full.
 */
function isSilence(error: unknown): boolean {
  const { code, cause } = error as NodeJS.ErrnoException;
  return code === 'ERR_LITZ_TIMEOUT' || (cause as NodeJS.ErrnoException)?.code === 'EAGAIN';
}

const NOTHING_COUNTED: LiveCounters = {
  receivedBytes: 0,
  sentBytes: 0,
  receivedMessages: 0,
  sentMessages: 0,
  drops: 0,
  handshakeAt: 0,
};

const DOES_NOT_ANSWER = 'does not answer';
/**
 * The time limit of a whole reading: a daemon with a million peers may take seconds. A daemon that
 * sends nothing has less time (`UapiClientOptions.timeoutMs`).
 */
const LONGEST_READING_MS = 30_000;
/** A late daemon is left alone for so long that readings take at most 1/BUSY_SHARE of its time. */
const BUSY_SHARE = 10;
