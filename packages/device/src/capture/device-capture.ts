/**
 * `DeviceCapture`: the reader of a capture, as a stream of pcapng.
 *
 * @module
 */
import type { CaptureFilter } from './capture-options.ts';
import { CaptureRingReader, RING_COUNTER } from './capture-ring.ts';
import { formatSection, formatStatistics } from './pcapng-section.ts';

/** How many packets a capture has seen, and how many of these were not recorded. */
export interface CaptureCounts {
  readonly received: number;
  readonly dropped: number;
}

/** What a capture needs from its device. */
export interface CaptureOwner {
  /** The name of the device. */
  readonly name: string;
  /** Makes the packet loop stop recording. It may reject when the device is closed. */
  end(): Promise<void>;
}

/** A capture that somebody else reads: a pcapng file in pieces of whole blocks. */
export interface CaptureStream extends AsyncIterable<Uint8Array> {
  /** Stops recording. The iteration then ends with what was recorded before. */
  stop(): Promise<void>;
}

/**
 * A running capture, made by `Device.capture`. Iterate over it once: it yields a pcapng file in
 * pieces of whole blocks. Packets wait in memory of a fixed size. If the reader is too slow, packets
 * are left out of the capture and counted; the device never waits.
 *
 * The capture ends with `stop`, when the device is closed, or when the iteration is left.
 */
export class DeviceCapture implements CaptureStream {
  readonly #filter: CaptureFilter;
  readonly #owner: CaptureOwner;
  readonly #ring: CaptureRingReader;
  readonly #startedAt: number = Date.now();
  #endedAt: number | undefined = undefined;
  #ending: Promise<void> | undefined = undefined;
  #isOver = false;
  #wake: () => void = () => {};

  /** For `Device`. */
  constructor(filter: CaptureFilter, owner: CaptureOwner) {
    this.#filter = filter;
    this.#owner = owner;
    this.#ring = new CaptureRingReader(filter.bufferLength);
  }

  /** The memory that the packet loop writes to. For `Device`. */
  get memory(): SharedArrayBuffer {
    return this.#ring.memory;
  }

  /** The packets of both sides until now. */
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
  async stop(): Promise<void> {
    this.#ending ??= this.#owner.end().catch(() => {
      // A closed device records nothing.
    });
    await this.#ending;
    this.finish();
  }

  /** The packet loop records nothing any more. For `Device`. */
  finish(): void {
    this.#isOver = true;
    this.#endedAt ??= Date.now();
    this.wake();
  }

  /** There is something to read. For `Device`. */
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
      this.#ring.wipe();
    }
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
    return formatStatistics([
      {
        ...times,
        received: this.#ring.counter(SEEN_INNER),
        dropped: this.#ring.counter(LOST_INNER),
      },
      {
        ...times,
        received: this.#ring.counter(SEEN_OUTER),
        dropped: this.#ring.counter(LOST_OUTER),
      },
    ]);
  }
}

/** Bytes of one piece. */
const MOST_BYTES: number = 256 * 1024;
