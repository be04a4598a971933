/**
 * `PendingHandshakes`: received handshake messages that wait to be processed, and the budgets for
 * this work. The rules are in `../flow/handshake-work.ts`.
 *
 * @module
 */
import type { DropReason } from '../drop-reason.ts';
import type { Peer } from '../peer/peer.ts';
import { HandshakeQueue } from './handshake-queue.ts';
import { PacketPressure } from './packet-pressure.ts';
import type { SourceWindow } from './source-window.ts';
import { WorkBudget } from './work-budget.ts';

export class PendingHandshakes {
  readonly queue: HandshakeQueue = new HandshakeQueue();
  /** The budget for checking macs and sealing cookies. */
  readonly screening: WorkBudget = new WorkBudget(SCREENING_SHARE, SCREENING_BURST_MS);
  /** The budget for handshakes. */
  readonly answering: WorkBudget = new WorkBudget(ANSWERING_SHARE, ANSWERING_BURST_MS);
  /** Estimates whether sent and received packets need the CPU. */
  readonly pressure: PacketPressure = new PacketPressure();
  /**
   * When a queued message can be processed, in the milliseconds of `now`; Infinity if none waits.
   */
  due: number = Infinity;
  /** Whether the next message should be one with a mac2. This value changes with each message. */
  mac2First = true;
  /**
   * The number of the message that was processed last. `lastReason` says why it was dropped;
   * undefined if it was not dropped.
   */
  lastSequence = 0;
  lastReason: DropReason | undefined = undefined;
  /** The peer of the initiation that was processed last; undefined if its sender is unknown. */
  lastInitiator: Peer | undefined = undefined;
  /** Created when a message has to wait for the first time. */
  sources: SourceWindow | undefined = undefined;
}

/**
 * Shares of the CPU time. They cover the engine's work only. The kernel and the system calls take
 * extra time for received handshake messages.
 */
const SCREENING_SHARE = 0.1;
const ANSWERING_SHARE = 0.4;
/** How long packets may have to wait for this work, in milliseconds. */
const SCREENING_BURST_MS = 3;
const ANSWERING_BURST_MS = 1;
