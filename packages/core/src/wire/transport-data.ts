/**
 * Transport data messages: seal and open in place, padding, message limits. Sections 5.4.6 and 6.2.
 *
 * ```
 *  offset - 16     - 12             - 8              offset
 *  | 4 | 0 0 0 | receiver index | counter (64 bit) | packet | zeros to 16 | tag (16) |
 * ```
 * Nothing here knows of peers, timers or endpoints.
 *
 * @module
 */
import {
  MESSAGE_TYPE,
  PADDING_MULTIPLE,
  TAG_LENGTH,
  TRANSPORT_HEADER_LENGTH,
  TRANSPORT_OVERHEAD,
} from '../constants.ts';
import { sealRun } from '../crypto/seal-run.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Keypair } from '../peer/keypairs.ts';
import type { SenderIndexTable } from '../peer/sender-index.ts';
import { readInt32, writeInt32 } from './int32.ts';
import type { PacketRun } from './packet-run.ts';

/**
 * Seals a packet where it stands: header into the 16 bytes in front of `offset`, padding and tag
 * behind. The caller has checked `keypair.usable(now)`; an empty packet is a keepalive.
 *
 * @returns the length of the message, which begins at `offset - 16`
 */
export function sealTransportData(
  keypair: Keypair,
  buffer: Uint8Array,
  offset: number,
  length: number,
  mtu: number,
): number {
  const padded = length + paddingLength(length, mtu);
  clear(buffer, offset + length, offset + padded);
  const counter = keypair.sendCounter++;
  writeHeader(buffer, offset - TRANSPORT_HEADER_LENGTH, keypair.remoteIndex, counter);
  keypair.sendCipher.seal(counter, buffer, offset, padded);
  return padded + TRANSPORT_OVERHEAD;
}

/**
 * Seals the first `count` packets of a run where they stand. The caller has checked
 * `keypair.sealable(now, count)`; `count` is 1 or more. The messages begin 16 bytes in front of their
 * packets; those of full packets are `messageLength(run.length, mtu)` bytes long.
 *
 * @returns the length of the last message
 */
export function sealTransportRun(
  keypair: Keypair,
  run: PacketRun,
  count: number,
  mtu: number,
): number {
  const { buffer, offset, stride, length } = run;
  const lastLength = count === run.count ? run.lastLength : length;
  if (stride === 0) return sealTransportData(keypair, buffer, offset, lastLength, mtu);
  const alike = lastLength === length ? count : count - 1;
  if (alike > 0) sealAlike(keypair, buffer, offset, stride, length, alike, mtu);
  const last = offset + alike * stride;
  if (alike < count) sealAlike(keypair, buffer, last, stride, lastLength, 1, mtu);
  return messageLength(lastLength, mtu);
}

/** At least one packet, all of one length. */
function sealAlike(
  keypair: Keypair,
  buffer: Uint8Array,
  offset: number,
  stride: number,
  length: number,
  count: number,
  mtu: number,
): void {
  const counter = keypair.sendCounter;
  keypair.sendCounter += count;
  const padded = length + paddingLength(length, mtu);
  for (let i = 0; i < count; i++) {
    const at = offset + i * stride;
    clear(buffer, at + length, at + padded);
  }
  sealRun(keypair.sendCipher, counter, buffer, offset, padded, stride, count);
  // After it: a cipher may have written there.
  for (let i = 0; i < count; i++) {
    const header = offset + i * stride - TRANSPORT_HEADER_LENGTH;
    writeHeader(buffer, header, keypair.remoteIndex, counter + i);
  }
}

/** Padding: most often no byte, so `fill` would cost more. */
function clear(buffer: Uint8Array, from: number, to: number): void {
  for (let i = from; i < to; i++) buffer[i] = 0;
}

/** Of the message that a packet of `length` bytes becomes. */
export function messageLength(length: number, mtu: number): number {
  return length + paddingLength(length, mtu) + TRANSPORT_OVERHEAD;
}

/** Zero bytes behind a packet: to a multiple of 16, but never past the MTU (kernel: send.c). */
export function paddingLength(length: number, mtu: number): number {
  const aligned = (length + PADDING_MULTIPLE - 1) & -PADDING_MULTIPLE;
  return Math.max(0, Math.min(aligned, mtu) - length);
}

/**
 * Opens the message of `length` bytes at `offset` where it stands. The packet, with its padding, is
 * then at `offset + 16` and `length - 32` bytes long. The content of the buffer is lost either way.
 *
 * @returns the keypair that it authenticated with, or why it is to be dropped
 */
export function openTransportData<Owner>(
  indices: SenderIndexTable<unknown, Keypair<Owner>>,
  buffer: Uint8Array,
  offset: number,
  length: number,
  now: number,
): Keypair<Owner> | DropReason {
  if (length < TRANSPORT_OVERHEAD) return 'wrong-length';
  const keypair = indices.keypair(receiverIndexOf(buffer, offset));
  if (keypair === undefined) return 'unknown-index';
  if (keypair.isExpired(now)) return 'expired-keypair';
  const high = readInt32(buffer, offset + COUNTER + 4) >>> 0;
  const counter = high * 2 ** 32 + (readInt32(buffer, offset + COUNTER) >>> 0);
  // Also everything that is not exact as a number: the limit is below 2^53.
  if (counter >= keypair.limits.rejectAfterMessages) return 'counter-limit';
  const packet = offset + TRANSPORT_HEADER_LENGTH;
  const opened = keypair.receiveCipher.open(counter, buffer, packet, length - TRANSPORT_OVERHEAD);
  if (!opened) return 'invalid-tag';
  // Only now: an attacker must not be able to move the window.
  return keypair.replayWindow.accept(counter) ? keypair : 'replayed-counter';
}

/** Of the message at `offset`: which session of ours it is for. Signed. */
export function receiverIndexOf(buffer: Uint8Array, offset: number): number {
  return readInt32(buffer, offset + RECEIVER_INDEX);
}

const RECEIVER_INDEX = 4;
const COUNTER = 8;
/** Padding and tag: what a packet needs behind itself to be sealed in place. */
export const ROOM_BEHIND: number = PADDING_MULTIPLE - 1 + TAG_LENGTH;

function writeHeader(buffer: Uint8Array, offset: number, receiver: number, counter: number): void {
  buffer[offset] = MESSAGE_TYPE.TRANSPORT_DATA;
  buffer[offset + 1] = 0;
  buffer[offset + 2] = 0;
  buffer[offset + 3] = 0;
  writeInt32(buffer, offset + RECEIVER_INDEX, receiver);
  writeInt32(buffer, offset + COUNTER, counter);
  // Whole: a fraction that is passed on would be an object.
  writeInt32(buffer, offset + COUNTER + 4, (counter / 2 ** 32) | 0);
}
