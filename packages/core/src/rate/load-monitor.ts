/**
 * `LoadMonitor`: whether more handshake messages come than we are ready to answer, section 5.3.
 *
 * The bucket holds one second's worth of handshakes and refills at that rate. When it is empty we are
 * under load, and stay so for one more second (kernel: receive.c). Only messages with a valid mac1
 * are counted, so that bytes from people who do not know our key cannot cause it.
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

  /** Until when we are under load if nothing more comes; -Infinity: never were. */
  get overloadedUntil(): number {
    return this.#overloadedAt + STICKY_MS;
  }
}

const STICKY_MS = 1000;
