/**
 * `PendingHandshakes`: the handshake messages of others that wait to be worked on, and the budgets for
 * that. The rules are in `../flow/handshake-work.ts`.
 *
 * @module
 */
import type { DropReason } from '../drop-reason.ts';
import { HandshakeQueue } from './handshake-queue.ts';
import { PacketPressure } from './packet-pressure.ts';
import type { SourceWindow } from './source-window.ts';
import { WorkBudget } from './work-budget.ts';

export class PendingHandshakes {
  readonly queue: HandshakeQueue = new HandshakeQueue();
  /** For macs and cookies. */
  readonly screening: WorkBudget = new WorkBudget(SCREENING_SHARE, SCREENING_BURST_MS);
  /** For handshakes. */
  readonly answering: WorkBudget = new WorkBudget(ANSWERING_SHARE, ANSWERING_BURST_MS);
  /** Of sent and received packets. */
  readonly pressure: PacketPressure = new PacketPressure();
  /** When something can be done of what waits; Infinity if nothing waits. */
  due: number = Infinity;
  /** Whose turn it is. */
  mac2First = true;
  /** Number and fate of the message that was worked on last. */
  lastSequence = 0;
  lastReason: DropReason | undefined = undefined;
  /** Made when the first message has to wait. */
  sources: SourceWindow | undefined = undefined;
}

/** Of the time. What others send, the kernel's and the system calls' part of it, comes on top. */
const SCREENING_SHARE = 0.1;
const ANSWERING_SHARE = 0.4;
/** So long packets may have to wait for it. */
const SCREENING_BURST_MS = 3;
const ANSWERING_BURST_MS = 1;
