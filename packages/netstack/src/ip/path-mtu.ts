/**
 * `PathMtuTable`: how long packets to a destination may be (RFC 1191, RFC 8201, RFC 4821).
 *
 * A destination has an entry after a "too big" message about it, or after TCP has lost long
 * segments to it (a black hole). Anyone can send a "too big" message, so the caller must have
 * verified that it quotes a packet of ours. An entry ends ten minutes after its last change, unless
 * a search begins again then. The number of entries is bounded: in a full table, a new one replaces
 * the oldest.
 *
 * After a black hole, the MTU is searched between two bounds (RFC 4821 7.1 to 7.3):
 *
 * ```
 *  mtu (search_low) passes ... probeLength() is tried next ... high (search_high) may pass
 * ```
 * The first try is `high` itself. A short interruption of the path often looks like a black hole,
 * and packets of this length pass as soon as the interruption is over. After that, each try is in
 * the middle, until the bounds are close. Ten minutes after the last change the path may be wider,
 * so the search begins again. If no try has failed ten minutes later, the entry ends.
 *
 * @module
 */
import { IpAddress } from '../wire/ip-address.ts';
import { IPV6_MIN_MTU } from '../wire/protocol.ts';

interface Entry {
  readonly destination: IpAddress;
  mtu: number;
  high: number;
  /** Whether a packet a little longer than `high` was lost. If not, `high` itself is tried next. */
  isHighKnown: boolean;
  /**
   * Whether the MTU is searched. False after a "too big" message, because the message has the MTU.
   */
  readonly isSearched: boolean;
  endsAt: number;
}

export class PathMtuTable {
  /**
   * By the hash of the destination, the oldest entry first. Of two destinations with the same hash,
   * only the later one has an entry.
   */
  readonly #entries = new Map<number, Entry>();
  readonly #limit: number;
  /** Changes with every change of any path, so that a sender knows when it must ask again. */
  #version = 1;
  /** A time before which no entry ends. */
  #firstEnd = Infinity;

  /** @param limit the largest number of entries */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Returns the version of the table. If it differs from what an earlier call returned, the MTU of
   * a path may have changed.
   */
  versionAt(now: number): number {
    if (now >= this.#firstEnd) this.#expire(now);
    return this.#version;
  }

  /** Must be called when the MTU of the link has changed. */
  changed(): void {
    this.#version++;
  }

  /**
   * Returns how many bytes a packet to a destination may have.
   *
   * @param linkMtu the MTU of the link, the upper limit
   */
  of(destination: IpAddress, linkMtu: number, now: number): number {
    const entry = this.#find(destination, now);
    return entry ? Math.min(entry.mtu, linkMtu) : linkMtu;
  }

  /**
   * Lowers the MTU of a path, because a router says so.
   *
   * @param reported the MTU in the message of the router; 0: none, because the router is older than
   *   RFC 1191
   * @param packetLength the length of the packet that was too long
   * @param current the MTU that `of` returns
   * @returns whether the MTU was lowered
   */
  lower(
    destination: IpAddress,
    reported: number,
    packetLength: number,
    current: number,
    now: number,
  ): boolean {
    const mtu = Math.max(leastMtu(destination), reported || nextPlateau(packetLength));
    if (mtu < current) {
      this.#put(destination, { mtu, high: mtu, isHighKnown: true, isSearched: false }, now);
      return true;
    }
    // RFC 8201 4, RFC 1191 3: a "too big" message never raises the MTU. But in a search it may
    // lower the upper bound, which is then tried next.
    const entry = this.#find(destination, now);
    if (!entry || mtu >= entry.high) return false;
    entry.high = mtu;
    entry.isHighKnown = false;
    this.#version++;
    return false;
  }

  /**
   * Lowers the MTU of a path, because long packets seem to be lost, and begins a search.
   *
   * @param mtu the MTU at which the search begins: packets of this length are likely to pass
   * @param current the MTU that `of` returns
   * @returns whether the MTU was lowered
   */
  suspect(destination: IpAddress, mtu: number, current: number, now: number): boolean {
    const safe = Math.max(leastMtu(destination), mtu);
    if (safe >= current) return false;
    const bounds = { mtu: safe, high: current, isHighKnown: false, isSearched: true };
    this.#put(destination, bounds, now);
    return true;
  }

  /**
   * Returns the length of the packet that is to be tried next; 0: there is nothing to search.
   *
   * @param limit the length of the longest packet that can be sent at all
   */
  probeLength(destination: IpAddress, limit: number, now: number): number {
    const entry = this.#find(destination, now);
    if (!entry?.isSearched) return 0;
    const high = Math.min(entry.high, limit);
    if (high - entry.mtu < GRANULARITY) return 0;
    return entry.isHighKnown ? (entry.mtu + high + 1) >>> 1 : high;
  }

  /** Raises the MTU, because a packet that was tried has arrived (RFC 4821 7.6.1). */
  passed(destination: IpAddress, length: number, now: number): void {
    const entry = this.#find(destination, now);
    if (!entry?.isSearched || length <= entry.mtu) return;
    entry.mtu = length;
    entry.high = Math.max(entry.high, length);
    this.#extend(entry, now);
  }

  /** Lowers the upper bound, because a packet that was tried is lost (RFC 4821 7.6.2). */
  failed(destination: IpAddress, length: number, now: number): void {
    const entry = this.#find(destination, now);
    if (!entry?.isSearched || length <= entry.mtu) return;
    entry.high = Math.min(entry.high, length - 1);
    entry.isHighKnown = true;
    this.#extend(entry, now);
  }

  #find(destination: IpAddress, now: number): Entry | undefined {
    if (this.#entries.size === 0) return undefined;
    if (now >= this.#firstEnd) this.#expire(now);
    const entry = this.#entries.get(keyOf(destination));
    return entry?.destination.equals(destination) ? entry : undefined;
  }

  #put(destination: IpAddress, bounds: Omit<Entry, 'destination' | 'endsAt'>, now: number): void {
    const key = keyOf(destination);
    this.#entries.delete(key);
    if (this.#entries.size >= this.#limit) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    const kept = new IpAddress();
    kept.copy(destination);
    const entry = { ...bounds, destination: kept, endsAt: 0 };
    this.#entries.set(key, entry);
    this.#extend(entry, now);
  }

  #extend(entry: Entry, now: number): void {
    entry.endsAt = now + LIFETIME_MS;
    this.#firstEnd = Math.min(this.#firstEnd, entry.endsAt);
    this.#version++;
  }

  #expire(now: number): void {
    this.#firstEnd = Infinity;
    for (const [key, entry] of this.#entries) {
      if (entry.endsAt <= now && !mayBeginAgain(entry, now)) this.#entries.delete(key);
      else this.#firstEnd = Math.min(this.#firstEnd, entry.endsAt);
    }
    this.#version++;
  }
}

/**
 * Begins the search of an entry again, because the path may have become wider. Returns false in
 * three cases, in which the entry ends: the MTU of the entry is not searched; the search began
 * again before, and no try has failed since; or the next ten minutes are over too.
 */
function mayBeginAgain(entry: Entry, now: number): boolean {
  const endsAt = entry.endsAt + LIFETIME_MS;
  if (!entry.isSearched || entry.high === Infinity || endsAt <= now) return false;
  entry.high = Infinity;
  entry.isHighKnown = false;
  entry.endsAt = endsAt;
  return true;
}

function keyOf({ word0, word1, word2, word3 }: IpAddress): number {
  const upper = Math.imul(Math.imul(word0 ^ word1, MIX) ^ word2, MIX);
  return Math.imul(upper ^ word3, MIX);
}

/**
 * RFC 8201 4: IPv6 never goes below 1280. For IPv4 the smallest useful MTU is 552, as in Linux: a
 * forged message must not make us send tiny packets (RFC 1191 7.1 permits 68).
 */
function leastMtu(destination: IpAddress): number {
  return destination.version === 6 ? IPV6_MIN_MTU : IPV4_LEAST_MTU;
}

/** RFC 1191 7.1: returns the largest usual MTU below the length of the packet. */
function nextPlateau(length: number): number {
  return PLATEAUS.find((plateau) => plateau < length) ?? IPV4_LEAST_MTU;
}

const MIX = 0x9e3779b1;
const PLATEAUS = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006];
const IPV4_LEAST_MTU = 552;
/**
 * In bytes. RFC 4821 7.3: bounds closer than this are not worth another try. The value of
 * tcp_probe_threshold of Linux.
 */
const GRANULARITY = 8;
/** RFC 1191 6.3, RFC 8201 4: at least five minutes, recommended ten. */
const LIFETIME_MS = 600_000;
