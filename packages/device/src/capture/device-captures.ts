/**
 * `DeviceCaptures`: starts the captures of one device, and keeps their readers while they run.
 *
 * @module
 */
import type { DeviceRequest } from '../driver.ts';
import type { CaptureFilter } from './capture-options.ts';
import { CaptureReader } from './capture-reader.ts';
import { ringBytes } from './capture-ring.ts';

/** Sends a request to the packet loop. */
export type SendCaptureRequest = (
  request: Extract<DeviceRequest, { type: 'capture' | 'end-capture' }>,
) => Promise<undefined>;

export class DeviceCaptures {
  readonly #running: Map<number, CaptureReader> = new Map();
  /**
   * The memory of captures that have ended, for later captures. V8 does not count shared memory
   * when it decides whether to collect garbage, so it frees this memory late. Without reuse,
   * thousands of captures would take gigabytes.
   */
  readonly #spare: SharedArrayBuffer[] = [];
  #lastId = 0;

  /**
   * Starts a capture.
   *
   * @throws {CaptureLimitError} (rejects) too many captures run
   */
  async start(
    name: string,
    filter: CaptureFilter,
    send: SendCaptureRequest,
  ): Promise<CaptureReader> {
    if (this.#running.size >= MOST_CAPTURES) {
      throw new CaptureLimitError(
        `${name} has ${MOST_CAPTURES} captures already, which is the limit`,
      );
    }
    const id = ++this.#lastId;
    const end = async (): Promise<void> => {
      this.#running.delete(id);
      await send({ type: 'end-capture', id });
    };
    const release = (memory: SharedArrayBuffer): void => {
      if (memory.byteLength > LARGEST_SPARE) return;
      if (this.#spare.push(memory) > MOST_CAPTURES) this.#spare.shift();
    };
    const memory = this.#takeMemory(ringBytes(filter.bufferLength));
    const capture = new CaptureReader(filter, { name, end, release }, memory);
    this.#running.set(id, capture);
    try {
      await send({ type: 'capture', id, memory, filter });
      return capture;
    } catch (error) {
      this.#running.delete(id);
      throw error;
    }
  }

  /** Wakes the reader of a capture, because there is something to read. */
  wake(id: number): void {
    this.#running.get(id)?.wake();
  }

  /** Ends all captures, because the device is closed. @param reason as for `CaptureStream.stop` */
  finishAll(reason: string): void {
    for (const capture of this.#running.values()) capture.finish(reason);
    this.#running.clear();
    this.#spare.length = 0;
  }

  #takeMemory(bytes: number): SharedArrayBuffer {
    const index = this.#spare.findIndex(({ byteLength }) => byteLength === bytes);
    const [spare] = index < 0 ? [] : this.#spare.splice(index, 1);
    return spare ?? new SharedArrayBuffer(bytes);
  }
}

/** Thrown if a device already has as many captures as it can have. */
export class CaptureLimitError extends RangeError {}

/** How many captures can run at a time: each takes memory, and time of the packet loop. */
const MOST_CAPTURES = 8;
/** In bytes. Memory that is larger is not kept for later captures. */
const LARGEST_SPARE: number = 16 * 1024 * 1024;
