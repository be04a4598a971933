/**
 * Decides when handshake messages are processed, section 5.3 of the WireGuard paper. Anybody can
 * send them, and one message costs as much as hundreds of packets. So they wait until the transport
 * messages of their batch are done, and get only a share of the time:
 *
 * 1. Check the type, the length, whether we have a private key, and whether the receiver index of a
 *    response or a cookie reply is one of ours. This is cheap. The message is copied into one of
 *    four lanes of a queue. The lane depends on whether it is the first message of its source in
 *    this second, and on whether it has a mac2.
 * 2. At the end of a batch, and at the time of `pollTimeout`, process queued messages as far as the
 *    budgets allow. Messages with and without mac2 take turns. Within each kind, the first messages
 *    of their sources go before repeated messages. Checking macs and sealing cookies has one
 *    budget; handshakes have another. The handshake budget applies only while there are packets.
 *    Without packets, a few handshakes are processed at once, and then the caller looks for
 *    packets.
 * 3. Drop and count messages for which the queue has no space, and messages that are so old that
 *    their sender no longer waits for an answer.
 *
 * `handshake-receive.ts` processes a message.
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
import { peerOfMessage } from './peer-lookup.ts';
import { LANE, type Lane, type WaitingMessage } from '../rate/handshake-queue.ts';
import { SourceWindow } from '../rate/source-window.ts';
import { readInt32 } from '../wire/int32.ts';
import {
  COOKIE_RECEIVER_INDEX,
  receiveHandshakeMessage,
  RESPONSE_RECEIVER_INDEX,
} from './handshake-receive.ts';

/**
 * Step 1: checks a handshake message and queues a copy. The buffer is borrowed for the call.
 *
 * @returns 0 if the message was queued, or why it was dropped
 */
// oxlint-disable-next-line max-params -- called per message: an object would be garbage
export function queueHandshakeMessage(
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
  const reason = findDropReason(state, buffer, offset);
  if (reason) {
    state.stats.drops.noteDetails(reason, undefined, source);
    return drop(state, reason);
  }
  const { handshakes } = state;
  const lane = laneOf(state, hasMac2(buffer, offset, length), source, now);
  if (!handshakes.queue.push(lane, buffer, offset, length, source, now)) {
    return drop(state, 'handshake-overflow');
  }
  handshakes.due = Math.min(handshakes.due, now);
  return 0;
}

/**
 * Step 2: processes queued messages. Call it at the end of each batch, and when the time
 * `handshakes.due` has come.
 */
export function processHandshakes(state: EngineState, now: number): void {
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
    handshakes.lastReason = processMessage(state, waiting, now);
    handshakes.lastSequence = waiting.sequence;
    queue.release(waiting);
  }
  handshakes.due = dueAt(state, isBusy, now);
}

/** Drops all queued messages when the link goes down. */
export function dropHandshakes({ handshakes, stats }: EngineState): void {
  const { queue } = handshakes;
  if (queue.size > 0) stats.drops.add('link-down', queue.size);
  queue.clear();
  handshakes.due = Infinity;
}

function processMessage(
  state: EngineState,
  waiting: WaitingMessage,
  now: number,
): DropReason | undefined {
  const { message, source } = waiting;
  const { observer, handshakes } = state;
  if (!observer) return answerMessage(state, waiting, now);
  handshakes.lastInitiator = undefined;
  // The peer is looked up before the message is processed, because processing may end the
  // handshake.
  const known = peerOfMessage(state, message, 0);
  const reason = answerMessage(state, waiting, now);
  const peer = known ?? handshakes.lastInitiator;
  observer.handshakeMessage(message, source, reason, peer?.publicKey);
  return reason;
}

function answerMessage(
  state: EngineState,
  { message, source, since }: WaitingMessage,
  now: number,
): DropReason | undefined {
  // By now the sender has sent a new message or has given up.
  if (now >= since + REKEY_TIMEOUT_MS) return drop(state, 'handshake-overflow');
  const reason = receiveHandshakeMessage(state, message, source, now);
  if (reason) state.stats.drops.noteDetails(reason, undefined, source);
  return reason;
}

/** Returns why a message can be dropped without more work: no private key, or an unknown index. */
function findDropReason(
  state: EngineState,
  buffer: Uint8Array,
  offset: number,
): DropReason | undefined {
  const { indices, identity } = state;
  switch (buffer[offset]) {
    case MESSAGE_TYPE.HANDSHAKE_INITIATION:
      return identity ? undefined : 'no-private-key';
    case MESSAGE_TYPE.HANDSHAKE_RESPONSE:
      if (!identity) return 'no-private-key';
      return indices.handshake(readInt32(buffer, offset + RESPONSE_RECEIVER_INDEX))
        ? undefined
        : 'unknown-index';
    default: {
      const index = readInt32(buffer, offset + COOKIE_RECEIVER_INDEX);
      return indices.handshake(index) || indices.keypair(index) ? undefined : 'unknown-index';
    }
  }
}

/**
 * Returns whether a message has a mac2. A cookie reply has none; a mac2 of zeros counts as none.
 */
function hasMac2(buffer: Uint8Array, offset: number, length: number): boolean {
  if (buffer[offset] === MESSAGE_TYPE.COOKIE_REPLY) return false;
  const end = offset + length;
  for (let i = end - MAC_LENGTH; i < end; i++) if (buffer[i] !== 0) return true;
  return false;
}

function laneOf(state: EngineState, withMac2: boolean, source: Endpoint, now: number): Lane {
  const { handshakes } = state;
  // The queue is empty, so the order of sources does not matter yet.
  if (handshakes.queue.size === 0) return withMac2 ? LANE.FRESH_MAC2 : LANE.FRESH;
  handshakes.sources ??= new SourceWindow(state.randomBytes);
  const isFirst = handshakes.sources.isFirst(source, now);
  if (withMac2) return isFirst ? LANE.FRESH_MAC2 : LANE.REPEATED_MAC2;
  return isFirst ? LANE.FRESH : LANE.REPEATED;
}

/**
 * Returns the lane to take the next message from; undefined if no queued message may be processed
 * now.
 */
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

/** Returns the time at which `nextLane` will return a lane again, if no other message arrives. */
function dueAt(state: EngineState, isBusy: boolean, now: number): number {
  const { queue, screening, answering } = state.handshakes;
  if (queue.size === 0) return Infinity;
  const screened = Math.max(now, screening.freeAt);
  // Without packet traffic, the next handshakes are processed as soon as the caller has looked for
  // packets.
  const answered = isBusy ? Math.max(screened, answering.freeAt) : screened;
  // Under load, a message without mac2 gets a cookie reply, which costs no handshake.
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
