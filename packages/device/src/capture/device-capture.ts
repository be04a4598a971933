/**
 * `DeviceCapture`: a running capture, as a program sees it.
 *
 * @module
 */

/**
 * How many packets matched the filter of a capture, and how many of these were left out because the
 * ring had no space for them.
 */
export interface CaptureCounts {
  readonly received: number;
  readonly dropped: number;
}

/** A running capture as a stream: a pcapng file in pieces of whole blocks. */
export interface CaptureStream extends AsyncIterable<Uint8Array> {
  /**
   * Stops recording. The iteration then ends with what was recorded before.
   *
   * @param reason why the capture ends. It becomes the comment of the last block, for the person
   *   who reads the file. Default: no comment.
   */
  stop(reason?: string): Promise<void>;
}

/**
 * A running capture, made by `Device.capture`. Iterate over it once: it yields a pcapng file in
 * pieces of whole blocks, and each piece belongs to the caller. Packets wait in memory of a fixed
 * size. If the reader is too slow, packets are left out of the capture and counted; the device
 * never waits.
 *
 * The capture ends with `stop`, when the device is closed, or when the iteration is left.
 */
export interface DeviceCapture extends CaptureStream {
  /** The counts until now. Each is a sum: inner packets and outer packets. */
  readonly counts: CaptureCounts;
}
