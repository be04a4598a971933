/**
 * `CaptureReader`: takes the packets of a capture out of its ring, and yields them as a pcapng
 * file.
 *
 * @module
 */
import type { CaptureFilter } from './capture-options.ts';
import { CaptureRingReader, RING_COUNTER } from './capture-ring.ts';
import type { CaptureCounts, DeviceCapture } from './device-capture.ts';
import { formatSection, formatStatistics } from './pcapng-section.ts';

/** What a capture needs from its device. */
export interface CaptureOwner {
  /** The name of the device. */
  readonly name: string;
  /** Makes the packet loop stop recording. May reject if the device is closed. */
  end(): Promise<void>;
  /**
   * Takes the memory of the ring back. It was cleared before, and the packet loop has stopped
   * writing to it.
   */
  release(memory: SharedArrayBuffer): void;
}

/** Reads the ring of a capture, and adds the beginning and the end of the file. */
export class CaptureReader implements DeviceCapture {
  readonly #filter: CaptureFilter;
  readonly #owner: CaptureOwner;
  readonly #ring: CaptureRingReader;
  readonly #startedAt: number = Date.now();
  #endedAt: number | undefined = undefined;
  #ending: Promise<void> | undefined = undefined;
  #isOver = false;
  /** Why the capture has ended: the comment at the end of the file. Undefined: no comment. */
  #reason: string | undefined = undefined;
  /** Whether the packet loop has confirmed that it does not write to the ring any more. */
  #isUnused = false;
  #wake: () => void = () => {};

  /** @param memory for the ring of the capture, all 0 */
  constructor(filter: CaptureFilter, owner: CaptureOwner, memory: SharedArrayBuffer) {
    this.#filter = filter;
    this.#owner = owner;
    this.#ring = new CaptureRingReader(memory);
  }

  /** The memory that the packet loop writes to. */
  get memory(): SharedArrayBuffer {
    return this.#ring.memory;
  }

  /** The counts until now. Each is a sum: inner packets and outer packets. */
  get counts(): CaptureCounts {
    const { SEEN_INNER, SEEN_OUTER, LOST_INNER, LOST_OUTER } = RING_COUNTER;
    return {
      received: this.#ring.counter(SEEN_INNER) + this.#ring.counter(SEEN_OUTER),
      dropped: this.#ring.counter(LOST_INNER) + this.#ring.counter(LOST_OUTER),
    };
  }

  /**
   * Stops recording. The iteration continues with the packets that were recorded before, and ends
   * with the statistics.
   */
  async stop(reason?: string): Promise<void> {
    this.#noteEnd(reason);
    this.#ending ??= this.#owner.end().then(
      () => void (this.#isUnused = true),
      () => {
        // The device is closed, so it records nothing.
      },
    );
    await this.#ending;
    this.finish(reason);
  }

  /** Must be called when the packet loop has stopped recording. */
  finish(reason?: string): void {
    this.#noteEnd(reason);
    this.#isOver = true;
    this.#endedAt ??= Date.now();
    this.wake();
  }

  /** Must be called when there is something to read. */
  wake(): void {
    this.#wake();
  }

  /** Yields the file; each piece belongs to the caller. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield this.#header();
      for (;;) {
        const wasOver = this.#isOver;
        const blocks = this.#ring.take(MOST_BYTES);
        if (blocks) yield blocks;
        else if (wasOver) break;
        else await this.#untilBlocks();
      }
      yield this.#statistics();
    } finally {
      await this.stop();
      this.#releaseRing();
    }
  }

  /** Keeps the reason of the first call that ends the capture. Later calls change nothing. */
  #noteEnd(reason: string | undefined): void {
    if (!this.#isOver && !this.#ending) this.#reason = reason;
  }

  /** Clears the ring. It may contain keys. */
  #releaseRing(): void {
    const memory = this.#ring.detach();
    if (this.#isUnused) this.#owner.release(memory);
    this.#isUnused = false;
  }

  async #untilBlocks(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#isOver || !this.#ring.wait()) resolve();
    });
  }

  #header(): Uint8Array {
    const { name } = this.#owner;
    const inner = { name, description: 'inner: IP packets of the interface' };
    const outer = { name: `${name}-outer`, description: 'outer: datagrams of WireGuard' };
    return formatSection('Litz', [inner, outer], this.#filter.snapLength);
  }

  #statistics(): Uint8Array {
    const times = { startedAt: this.#startedAt, endedAt: this.#endedAt ?? Date.now() };
    const { SEEN_INNER, SEEN_OUTER, LOST_INNER, LOST_OUTER } = RING_COUNTER;
    const interfaces = [
      [SEEN_INNER, LOST_INNER],
      [SEEN_OUTER, LOST_OUTER],
    ] as const;
    const statistics = interfaces.map(([seen, lost]) => ({
      ...times,
      received: this.#ring.counter(seen),
      dropped: this.#ring.counter(lost),
    }));
    return formatStatistics(statistics, this.#reason);
  }
}

/** A piece of the file ends with the block that reaches this number of bytes. */
const MOST_BYTES: number = 256 * 1024;
