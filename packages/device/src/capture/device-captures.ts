/**
 * `DeviceCaptures`: the captures of one device that run now, on the side of their readers.
 *
 * @module
 */
import type { DeviceRequest } from '../driver.ts';
import type { CaptureFilter } from './capture-options.ts';
import { DeviceCapture } from './device-capture.ts';

/** Sends a request to the packet loop. */
export type SendCaptureRequest = (
  request: Extract<DeviceRequest, { type: 'capture' | 'end-capture' }>,
) => Promise<undefined>;

export class DeviceCaptures {
  readonly #running: Map<number, DeviceCapture> = new Map();
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
  ): Promise<DeviceCapture> {
    if (this.#running.size >= MOST_CAPTURES) {
      throw new CaptureLimitError(
        `${name} has ${MOST_CAPTURES} captures already, which is the most`,
      );
    }
    const id = ++this.#lastId;
    const end = async (): Promise<void> => {
      this.#running.delete(id);
      await send({ type: 'end-capture', id });
    };
    const capture = new DeviceCapture(filter, { name, end });
    this.#running.set(id, capture);
    try {
      await send({ type: 'capture', id, memory: capture.memory, filter });
      return capture;
    } catch (error) {
      this.#running.delete(id);
      throw error;
    }
  }

  /** There is something to read. */
  wake(id: number): void {
    this.#running.get(id)?.wake();
  }

  /** The device is closed. */
  finishAll(): void {
    for (const capture of this.#running.values()) capture.finish();
    this.#running.clear();
  }
}

/** A device has as many captures as it may have. */
export class CaptureLimitError extends RangeError {}

/** Each capture takes memory, and time of the packet loop. */
const MOST_CAPTURES = 8;
