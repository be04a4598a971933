/**
 * `LoadMonitor`: detects that more handshake messages arrive than we can answer, section 5.3 of the
 * WireGuard paper.
 *
 * A token bucket holds `handshakesPerSecond` tokens, and is refilled at that rate. Each message
 * takes a token. If a message finds the bucket empty, we are under load for the next second
 * (kernel: receive.c). Only messages with a valid mac1 are counted, so a sender who does not know
 * our public key cannot put us under load.
 *
 * @module
 */
import { TokenBucket } from './token-bucket.ts';

export class LoadMonitor {
  readonly #ready: TokenBucket;
  #overloadedAt = -Infinity;

  constructor(handshakesPerSecond: number) {
    this.#ready = new TokenBucket(handshakesPerSecond, handshakesPerSecond);
  }

  /** Counts one handshake message. Returns whether we are under load, this message included. */
  note(now: number): boolean {
    if (!this.#ready.take(now)) this.#overloadedAt = now;
    return now < this.overloadedUntil;
  }

  /**
   * The time at which the load ends if no more messages arrive, in the milliseconds of `now`;
   * -Infinity if we were never under load.
   */
  get overloadedUntil(): number {
    return this.#overloadedAt + STICKY_MS;
  }
}

/** How long the load lasts after the last excess message, in milliseconds (kernel: receive.c). */
const STICKY_MS = 1000;
