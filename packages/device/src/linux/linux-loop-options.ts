/**
 * `LinuxLoopOptions`: the options of the packet loop of a device on Linux.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';
import type { ByteOperations } from '@litz/tun/offload';
import type { CommonSettings } from '../options.ts';
import type { OptionalEvent } from '../plane/data-plane.ts';
import type { PlaneEvent } from '../plane/plane-event.ts';
import type { LinuxPackages } from './linux-packages.ts';
import type { LoopPriority } from './loop-priority.ts';
import type { SealingPool } from './sealing-pool.ts';
import type { ThreadControl } from './thread-control.ts';
import type { WorkerStart } from './worker-messages.ts';

export interface LinuxLoopOptions {
  readonly packages: LinuxPackages;
  readonly control: ThreadControl;
  readonly tunName: string;
  /**
   * Longest sleep in poll, in ms. It is finite only if something can end this thread without a
   * write to the eventfd.
   */
  readonly longestSleepMs: number;
  readonly settings: CommonSettings;
  /** Set if `prepare` and an `adopt` request take the place of `open`. */
  readonly takesOver?: WorkerStart['takesOver'] | undefined;
  readonly crypto: CryptoProvider | undefined;
  /**
   * Copy and checksum operations on the buffer for packets. The buffer needs
   * `LinuxLoop.memoryLength` bytes. Default: the loop makes a buffer of its own.
   */
  readonly bytes?: ByteOperations | undefined;
  /** Threads that help the packet loop to seal and open. Default: none. */
  readonly threads?: SealingPool | undefined;
  /** Default: the priority of the thread never changes. */
  readonly priority?: LoopPriority | undefined;
  readonly onEvent: (event: PlaneEvent) => void;
  /** The reader of the capture `id` waits, and there is something to read. Default: ignored. */
  readonly onCaptured?: (id: number) => void;
  /** The optional events to emit until a `listen` request changes them. Default: none. */
  readonly listened?: readonly OptionalEvent[];
  /** Something failed, and the device continues. */
  readonly onError: (error: unknown) => void;
  /**
   * Reads requests and passes them to `answer`, for a short time only. Returns whether there may be
   * more requests.
   */
  readonly onWake: () => boolean;
}
