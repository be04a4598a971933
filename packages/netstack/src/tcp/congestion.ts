/**
 * `CongestionControl`: how many bytes may be on the way. CUBIC and NewReno implement it.
 *
 * RACK and the recovery find losses. This interface only sets `window` and `threshold`, in bytes.
 *
 * @module
 */

/** The congestion window of a connection. */
export interface CongestionControl {
  /** cwnd in bytes. */
  window: number;
  /** ssthresh in bytes. */
  threshold: number;
  /** SMSS in bytes. */
  segmentSize: number;
  /**
   * New data was acknowledged, outside of fast recovery.
   *
   * @param bytes how many bytes were acknowledged
   * @param roundTrip the smoothed round trip in ms
   */
  onAcknowledged(bytes: number, now: number, roundTrip: number): void;
  /**
   * Congestion: a loss or a mark. Sets `threshold`, and leaves `window` to the recovery.
   *
   * @param inFlight how many bytes were on the way
   */
  onCongestion(inFlight: number): void;
  /** The retransmission timer has fired (RFC 5681 3.1, equation 4). */
  onTimeout(inFlight: number): void;
  /** Nothing was sent for longer than a retransmission timeout (RFC 5681 4.1). */
  onIdle(): void;
}

/** Returns the initial window in bytes: ten segments, or fewer if they are long (RFC 6928 2). */
export function initialWindow(segmentSize: number): number {
  return Math.min(10 * segmentSize, Math.max(2 * segmentSize, 14_600));
}
