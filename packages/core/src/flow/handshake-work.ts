/**
 * When handshake messages are worked on, section 5.3. Anybody can send them and one costs as much as
 * hundreds of packets, so they wait until the transport messages of their batch are done, and get no
 * more than a share of the time:
 *
 * 1. Type, length, and whether we have a key or asked for such an answer: costs nothing. The message is
 *    put aside, as the first of its source in this second or as one more, with a mac2 or without.
 * 2. At the end of a batch, and when `pollTimeout` says so: messages with a mac2 and those without take
 *    turns, of each kind first those of sources that sent no others, as far as the budgets go. Checking
 *    macs and sealing cookies has one budget, handshakes have another, which counts only while there are
 *    packets: without them a few handshakes follow each other, and the caller looks for packets in between.
 * 3. What finds no room, or is too old to be waited for any more, is dropped and counted.
 *
 * What becomes of a message then is in `handshake-receive.ts`.
 *
 * @module
 */
import {
  COOKIE_REPLY_LENGTH,
  HANDSHAKE_INITIATION_LENGTH,
  HANDSHAKE_RESPONSE_LENGTH,
  MAC_LENGTH,
  MESSAGE_TYPE,
  REKEY_TIMEOUT_MS,
} from '../constants.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Endpoint } from '../endpoint.ts';
import { drop, type EngineState } from '../engine-state.ts';
import { HandshakeQueue, LANE, type Lane, type WaitingMessage } from '../rate/handshake-queue.ts';
import { PacketPressure } from '../rate/packet-pressure.ts';
import { SourceWindow } from '../rate/source-window.ts';
import { WorkBudget } from '../rate/work-budget.ts';
import {
  COOKIE_RECEIVER_INDEX,
  receiveHandshakeMessage,
  receiverIndex,
  RESPONSE_RECEIVER_INDEX,
} from './handshake-receive.ts';

/** Handshake messages of others, and what they may cost. */
export class HandshakeWork {
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

/** Step 1; borrowed for the call. @returns 0: it waits until the end of the batch; or why it was dropped */
export function takeHandshakeMessage(
  state: EngineState,
  buffer: Uint8Array,
  offset: number,
  length: number,
  source: Endpoint,
  now: number,
): 0 | DropReason {
  const expected = LENGTHS[buffer[offset]];
  if (expected === undefined) return drop(state, 'unknown-message-type');
  if (length !== expected) return drop(state, 'wrong-length');
  const refused = refuse(state, buffer, offset);
  if (refused) {
    state.stats.drops.concern(refused, undefined, source);
    return drop(state, refused);
  }
  const { handshakes } = state;
  const lane = laneOf(state, buffer, offset, length, source, now);
  if (!handshakes.queue.push(lane, buffer, offset, length, source, now)) {
    return drop(state, 'handshake-overflow');
  }
  handshakes.due = Math.min(handshakes.due, now);
  return 0;
}

/** Step 2; to be called at the end of a batch, and when it is due. */
export function workOnHandshakes(state: EngineState, now: number): void {
  const { handshakes } = state;
  const { queue, pressure } = handshakes;
  if (queue.size === 0 || now < handshakes.due) return;
  const { sentMessages, receivedMessages } = state.stats;
  const isBusy = pressure.isHigh(sentMessages + receivedMessages, now);
  if (!isBusy) handshakes.answering.refill(now);
  for (let lane = nextLane(state, now); lane !== undefined; lane = nextLane(state, now)) {
    const waiting = queue.shift(lane);
    if (!waiting) break;
    handshakes.mac2First = !handshakes.mac2First;
    handshakes.lastReason = workOn(state, waiting, now);
    handshakes.lastSequence = waiting.sequence;
    queue.release(waiting);
  }
  handshakes.due = dueAt(state, isBusy, now);
}

/** The link is down: nobody waits for an answer. */
export function forgetHandshakes({ handshakes, stats }: EngineState): void {
  const { queue } = handshakes;
  if (queue.size > 0) stats.drops.add('link-down', queue.size);
  queue.clear();
  handshakes.due = Infinity;
}

function workOn(state: EngineState, waiting: WaitingMessage, now: number): DropReason | undefined {
  const { message, source, since } = waiting;
  // Whoever sent it has sent another one by now, or has given up.
  if (now >= since + REKEY_TIMEOUT_MS) return drop(state, 'handshake-overflow');
  const reason = receiveHandshakeMessage(state, message, source, now);
  if (reason) state.stats.drops.concern(reason, undefined, source);
  return reason;
}

/** What can be said of it without any work: nobody can have meant us, or we did not ask for it. */
function refuse(state: EngineState, buffer: Uint8Array, offset: number): DropReason | undefined {
  const { indices, identity } = state;
  switch (buffer[offset]) {
    case MESSAGE_TYPE.HANDSHAKE_INITIATION:
      return identity ? undefined : 'no-private-key';
    case MESSAGE_TYPE.HANDSHAKE_RESPONSE:
      if (!identity) return 'no-private-key';
      return indices.handshake(receiverIndex(buffer, offset + RESPONSE_RECEIVER_INDEX))
        ? undefined
        : 'unknown-index';
    default: {
      const index = receiverIndex(buffer, offset + COOKIE_RECEIVER_INDEX);
      return indices.handshake(index) || indices.keypair(index) ? undefined : 'unknown-index';
    }
  }
}

function laneOf(
  state: EngineState,
  buffer: Uint8Array,
  offset: number,
  length: number,
  source: Endpoint,
  now: number,
): Lane {
  const { handshakes } = state;
  const hasMac2 =
    buffer[offset] !== MESSAGE_TYPE.COOKIE_REPLY && hasBytes(buffer, offset + length - MAC_LENGTH);
  // Nobody waits: nobody goes first.
  if (handshakes.queue.size === 0) return hasMac2 ? LANE.FRESH_MAC2 : LANE.FRESH;
  handshakes.sources ??= new SourceWindow(state.randomBytes);
  const isFirst = handshakes.sources.isFirst(source, now);
  if (hasMac2) return isFirst ? LANE.FRESH_MAC2 : LANE.REPEATED_MAC2;
  return isFirst ? LANE.FRESH : LANE.REPEATED;
}

function hasBytes(buffer: Uint8Array, offset: number): boolean {
  for (let i = offset; i < offset + MAC_LENGTH; i++) if (buffer[i] !== 0) return true;
  return false;
}

/** The lane to take the next message from; undefined: nothing waits that may be worked on now. */
function nextLane(state: EngineState, now: number): Lane | undefined {
  const { mac2First, queue, screening, answering } = state.handshakes;
  if (queue.size === 0 || !screening.isFree(now)) return undefined;
  const mayAnswer = answering.isFree(now);
  const withMac2 = mayAnswer ? firstOf(state, LANE.FRESH_MAC2, LANE.REPEATED_MAC2) : undefined;
  if (mac2First && withMac2 !== undefined) return withMac2;
  const without =
    mayAnswer || now < state.load.overloadedUntil
      ? firstOf(state, LANE.FRESH, LANE.REPEATED)
      : undefined;
  return without ?? withMac2;
}

function firstOf(state: EngineState, fresh: Lane, repeated: Lane): Lane | undefined {
  const { queue } = state.handshakes;
  if (queue.sizeOf(fresh) > 0) return fresh;
  return queue.sizeOf(repeated) > 0 ? repeated : undefined;
}

/** When `nextLane` will have one, if nothing else comes. */
function dueAt(state: EngineState, isBusy: boolean, now: number): number {
  const { queue, screening, answering } = state.handshakes;
  if (queue.size === 0) return Infinity;
  const screened = Math.max(now, screening.freeAt);
  // Without packets the next handshakes follow as soon as the caller has looked for some.
  const answered = isBusy ? Math.max(screened, answering.freeAt) : screened;
  // Under load a message without mac2 gets a cookie, which is no handshake.
  const waitsForCookie = firstOf(state, LANE.FRESH, LANE.REPEATED) !== undefined;
  return waitsForCookie && screened < state.load.overloadedUntil ? screened : answered;
}

const LENGTHS: readonly (number | undefined)[] = (() => {
  const lengths: (number | undefined)[] = [];
  lengths[MESSAGE_TYPE.HANDSHAKE_INITIATION] = HANDSHAKE_INITIATION_LENGTH;
  lengths[MESSAGE_TYPE.HANDSHAKE_RESPONSE] = HANDSHAKE_RESPONSE_LENGTH;
  lengths[MESSAGE_TYPE.COOKIE_REPLY] = COOKIE_REPLY_LENGTH;
  return lengths;
})();

/** Of the time. What others send, the kernel's and the system calls' part of it, comes on top. */
const SCREENING_SHARE = 0.1;
const ANSWERING_SHARE = 0.4;
/** So long packets may have to wait for it. */
const SCREENING_BURST_MS = 3;
const ANSWERING_BURST_MS = 1;
