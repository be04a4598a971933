/**
 * `PathMtuTable`: how long packets to a destination may be (RFC 1191, RFC 8201).
 *
 * A destination has an entry after a "too big" message about it, or after TCP has lost long
 * segments to it. Anyone can send such a message, so the caller must have verified that it quotes a
 * packet of ours. Entries end after ten minutes. Their number is bounded: a new entry replaces the
 * oldest one.
 *
 * @module
 */
import { IpAddress } from '../wire/ip-address.ts';
import { IPV6_MIN_MTU } from '../wire/protocol.ts';

interface Entry {
  readonly destination: IpAddress;
  mtu: number;
  endsAt: number;
}

export class PathMtuTable {
  /**
   * By the hash of the destination, in the order of their last change. Of two destinations with the
   * same hash, only the later one has an entry.
   */
  readonly #entries = new Map<number, Entry>();
  readonly #limit: number;
  /** Changes with every change of any path, so a sender knows when it must ask again. */
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
   * Returns the number of the present state. If it differs from before, a path may have changed.
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
    if (this.#entries.size === 0) return linkMtu;
    const key = keyOf(destination);
    const entry = this.#entries.get(key);
    if (!entry?.destination.equals(destination)) return linkMtu;
    if (entry.endsAt <= now) {
      this.#entries.delete(key);
      return linkMtu;
    }
    return Math.min(entry.mtu, linkMtu);
  }

  /**
   * Lowers the MTU of a path.
   *
   * @param reported the MTU that the message has; 0: none, because the router is older than RFC
   *   1191
   * @param packetLength the length of the packet that was too long
   * @returns whether it was lowered
   */
  lower(
    destination: IpAddress,
    reported: number,
    packetLength: number,
    current: number,
    now: number,
  ): boolean {
    const mtu = Math.max(leastMtu(destination), reported || nextPlateau(packetLength));
    // RFC 8201 4, RFC 1191 3: a "too big" message never raises the MTU.
    if (mtu >= current) return false;
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
    const endsAt = now + LIFETIME_MS;
    this.#entries.set(key, { destination: kept, mtu, endsAt });
    this.#firstEnd = Math.min(this.#firstEnd, endsAt);
    this.#version++;
    return true;
  }

  #expire(now: number): void {
    this.#firstEnd = Infinity;
    for (const [key, { endsAt }] of this.#entries) {
      if (endsAt <= now) this.#entries.delete(key);
      else this.#firstEnd = Math.min(this.#firstEnd, endsAt);
    }
    this.#version++;
  }
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

/** RFC 1191 7.1: the largest usual MTU below the length of the packet. */
function nextPlateau(length: number): number {
  return PLATEAUS.find((plateau) => plateau < length) ?? IPV4_LEAST_MTU;
}

const MIX = 0x9e3779b1;
const PLATEAUS = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006];
const IPV4_LEAST_MTU = 552;
/** RFC 1191 6.3, RFC 8201 4: at least five minutes, recommended ten. */
const LIFETIME_MS = 600_000;
