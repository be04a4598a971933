/**
 * `RateLimiter`: limits how many handshake messages of each source are answered while we are under
 * load, section 5.3 of the WireGuard paper.
 *
 * There is one bucket per IPv4 address or IPv6 /64, because one user normally has one address or
 * one /64. A bucket allows 20 messages per second, 5 at once (kernel: ratelimiter.c). Only sources
 * with a valid mac2 are counted, so an attacker cannot fill the table with forged addresses.
 *
 * A source whose bucket is full again would be treated like a new source, so it is forgotten. If
 * there are still too many sources, the source that was idle for longest is forgotten. That source
 * loses nothing, because it starts again with a full bucket. So memory is bounded, and no source is
 * refused because of others.
 *
 * @module
 */
import type { Endpoint } from '../endpoint.ts';
import { wordAt } from '../routing/address-bits.ts';
import { TokenBucket } from './token-bucket.ts';

export class RateLimiter {
  /** Sources, in the order of their last messages. */
  readonly #sources = new Map<string | number, Source>();
  readonly #maxSources: number;

  constructor(options: { maxSources?: number } = {}) {
    this.#maxSources = options.maxSources ?? MAX_SOURCES;
  }

  /** How many sources are remembered. */
  get size(): number {
    return this.#sources.size;
  }

  /** Counts one message. Returns whether it may be answered. */
  allow(source: Endpoint, now: number): boolean {
    this.#forgetIdle(now);
    const key = keyOf(source.address);
    const entry = this.#sources.get(key) ?? this.#admit(now);
    entry.lastSeenAt = now;
    this.#sources.delete(key);
    this.#sources.set(key, entry);
    return entry.bucket.take(now);
  }

  #admit(now: number): Source {
    if (this.#sources.size >= this.#maxSources) this.#forgetOldest();
    return { bucket: new TokenBucket(PER_SECOND, BURST), lastSeenAt: now };
  }

  /**
   * Forgets a few idle sources. Each call of `allow` adds at most one source, so a few are enough.
   */
  #forgetIdle(now: number): void {
    let rest = FORGET_AT_ONCE;
    for (const [key, { lastSeenAt }] of this.#sources) {
      if (rest-- === 0 || now < lastSeenAt + IDLE_MS) return;
      this.#sources.delete(key);
    }
  }

  #forgetOldest(): void {
    for (const key of this.#sources.keys()) {
      this.#sources.delete(key);
      return;
    }
  }
}

interface Source {
  readonly bucket: TokenBucket;
  lastSeenAt: number;
}

/** Returns a number for an IPv4 address, a string for an IPv6 /64. */
function keyOf(address: Uint8Array): string | number {
  const high = wordAt(address, 0);
  return address.length === 4 ? high : `${high}:${wordAt(address, 4)}`;
}

/** The kernel's values (ratelimiter.c): the rate per second, and the burst. */
const PER_SECOND = 20;
const BURST = 5;
/** An empty bucket is full after 250 ms. The kernel forgets a source after a second. */
const IDLE_MS = 1000;
/** How many idle sources one call may forget. */
const FORGET_AT_ONCE = 4;
/** This many sources take about 10 MB. */
const MAX_SOURCES = 65_536;
