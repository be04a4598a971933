/**
 * `NewReno`: slow start and congestion avoidance of RFC 5681, as RFC 6582 uses them.
 *
 * @module
 */
import { initialWindow, type CongestionControl } from './congestion.ts';

export class NewReno implements CongestionControl {
  window: number;
  threshold: number = Infinity;
  segmentSize: number;
  /** Bytes acknowledged since the window last grew in congestion avoidance. */
  #acknowledged = 0;

  /** @param segmentSize SMSS in bytes */
  constructor(segmentSize: number) {
    this.segmentSize = segmentSize;
    this.window = initialWindow(segmentSize);
  }

  onAcknowledged(bytes: number): void {
    let rest = bytes;
    if (this.window < this.threshold) {
      // Slow start. RFC 3465 2.1 counts bytes, so for an acknowledgement of many segments the
      // window grows by all their bytes.
      const growth = Math.min(rest, this.threshold - this.window);
      this.window += growth;
      rest -= growth;
    }
    if (rest <= 0) return;
    // Congestion avoidance: one segment for each window of acknowledged bytes (RFC 5681 3.1).
    this.#acknowledged += rest;
    if (this.#acknowledged < this.window) return;
    this.#acknowledged -= this.window;
    this.window += this.segmentSize;
  }

  onCongestion(inFlight: number): void {
    this.threshold = Math.max(inFlight / 2, 2 * this.segmentSize);
    this.#acknowledged = 0;
  }

  onTimeout(inFlight: number): void {
    this.onCongestion(inFlight);
    this.window = this.segmentSize;
  }

  onIdle(): void {
    this.window = Math.min(this.window, initialWindow(this.segmentSize));
  }
}
