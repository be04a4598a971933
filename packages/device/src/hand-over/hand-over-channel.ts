/**
 * `HandOverChannel`: the messages with which one process hands a device over to another.
 *
 * ```
 *   old process                          new process
 *               <-- hello (format)
 *   offer (state, descriptors) -->                    nothing has stopped yet
 *               <-- ready                             the code is compiled, the offer was read
 *   stops reading and sending
 *   state (state, descriptors) -->
 *               <-- restored
 *   commit -->                                        from here on, only the new process seals
 *               <-- running
 *   ends
 * ```
 *
 * Before `commit`, the new process sends nothing to peers, and the old one can continue with its
 * sessions. After `commit`, the old one never uses these sessions again. `refused`, `failed` (new
 * to old) and `abort` (old to new) end a hand-over.
 *
 * A process closes its end only after its last message: `running`, `failed` or `abort`. `failed`
 * comes after the new process has closed the device. So if the channel closes without a last
 * message, the process at the other end was killed. If it was the old one, the new one continues
 * with the last state that it has received.
 *
 * So a hand-over works even if neither process has the right to kill the other one. A process that
 * was stopped and continues finds the messages in their order: either `commit`, or `abort`, or the
 * end.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { STATE_FORMAT } from '@litz/core/internals';
import type * as Sys from '@litz/sys';
import type { SavedDevice, SavedSettings } from './saved-device.ts';

/**
 * A message. `offer` and `state` come with descriptors: the state, the TUN, the UDP sockets, and
 * the UAPI socket if `hasUapi` is set.
 */
export type HandOverMessage =
  /** `network`: the network namespace of the new process: `networkNamespaceId` of sys. */
  | {
      readonly type: 'hello';
      readonly format: string;
      readonly version: string;
      readonly network?: string;
    }
  | {
      readonly type: 'offer' | 'state';
      readonly settings: SavedSettings;
      readonly hasUapi: boolean;
    }
  | { readonly type: 'ready' | 'restored' | 'commit' }
  /**
   * `since`: when the device continued, in ms of `boottimeMs`. If it is absent, the device
   * continued when this message arrived.
   */
  | { readonly type: 'running'; readonly since?: number }
  | { readonly type: 'refused' | 'failed' | 'abort'; readonly reason: string };

/** A message that has arrived, with its descriptors, which belong to the receiver. */
export interface Arrived {
  readonly message: HandOverMessage;
  readonly fds: readonly number[];
}

/** A device as it was received. `uapiFd`: its listening UAPI socket, if there is one. */
export interface ReceivedDevice {
  readonly saved: SavedDevice;
  readonly uapiFd: number | undefined;
}

/**
 * The format of the messages and of the state. A process with another format is refused before
 * anything stops.
 */
export const HAND_OVER_FORMAT: string = `1.${STATE_FORMAT}`;

/** One end of a hand-over. */
export class HandOverChannel {
  readonly #channel: Sys.UnixChannel;
  readonly #sys: typeof Sys;

  /** Takes ownership of the channel. */
  constructor(channel: Sys.UnixChannel, sys: typeof Sys) {
    this.#channel = channel;
    this.#sys = sys;
  }

  /** @throws {SystemError} EPIPE: the other process has ended */
  send(message: HandOverMessage, fds: readonly number[] = []): void {
    this.#channel.send(new TextEncoder().encode(JSON.stringify(message)), fds);
  }

  /**
   * Sends a device. Its state is passed in shared memory without a name, and `saved.state` is
   * wiped.
   *
   * @throws {SystemError} as `send` does
   */
  sendDevice(type: 'offer' | 'state', saved: SavedDevice, uapiFd: number | undefined): void {
    const { settings, fds, state } = saved;
    let memory: Sys.SharedMemory | undefined;
    try {
      memory = this.#sys.SharedMemory.from(state);
      const hasUapi = uapiFd !== undefined;
      this.send({ type, settings, hasUapi }, [memory.fd, ...fds, ...(hasUapi ? [uapiFd] : [])]);
    } finally {
      state.fill(0);
      memory?.close();
    }
  }

  /**
   * Resolves to the next message, or to 'closed' if the other process has ended.
   *
   * @param timeoutMs may be Infinity
   * @throws {Error} (rejects) no message came within `timeoutMs`, or it is not JSON
   * @throws (rejects) the reason of `signal`, which was aborted before a message came
   */
  async receive(timeoutMs: number, signal?: AbortSignal): Promise<Arrived | 'closed'> {
    const begin = performance.now();
    for (;;) {
      const received = this.#channel.wait(SLICE_MS) ? this.#channel.receive() : undefined;
      if (received === 'closed') return received;
      if (received) {
        const message = JSON.parse(new TextDecoder().decode(received.bytes)) as HandOverMessage;
        return { message, fds: received.fds };
      }
      signal?.throwIfAborted();
      const waitedMs = performance.now() - begin;
      if (waitedMs >= timeoutMs)
        throw new Error(`the other process did not answer within ${timeoutMs} ms`);
      // After a long wait, another few ms do not matter, and other programs need the processor.
      if (waitedMs > LONG_WAIT_MS) await sleep(PAUSE_MS);
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Reads the device of an `offer` or a `state`, and wipes the shared memory. */
  readDevice({ message, fds }: Arrived): ReceivedDevice {
    if (message.type !== 'offer' && message.type !== 'state') {
      throw new Error(`expected a device, got ${message.type}`);
    }
    const [stateFd = -1, ...rest] = fds;
    const memory = new this.#sys.SharedMemory(stateFd);
    const uapiFd = message.hasUapi ? rest.pop() : undefined;
    try {
      return { saved: { settings: message.settings, fds: rest, state: memory.read() }, uapiFd };
    } finally {
      memory.wipe();
      memory.close();
    }
  }

  /**
   * Sends the last message, and closes the connection. Never rejects. As long as the kernel cannot
   * take the message, for instance because it has no memory, the connection stays open: its end
   * without a last message would say that this process was killed.
   */
  async endWith(message: HandOverMessage): Promise<void> {
    while (!this.#isSentOrClosed(message)) await sleep(RETRY_MS, undefined, { ref: false });
    this.close();
  }

  close(): void {
    this.#channel.close();
  }

  #isSentOrClosed(message: HandOverMessage): boolean {
    try {
      this.send(message);
      return true;
    } catch (error) {
      return error instanceof this.#sys.SystemError && OTHER_END_CLOSED.has(error.errno);
    }
  }
}

/**
 * The longest time that one `wait` blocks the event loop, in ms. `wait` returns at once when a
 * message arrives. A timer between two checks would instead delay each message by up to 2 ms, and
 * the device rests while three messages are on their way.
 */
const SLICE_MS = 1;
const LONG_WAIT_MS = 5000;
const PAUSE_MS = 20;
const RETRY_MS = 100;
const OTHER_END_CLOSED: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET', 'ENOTCONN']);
