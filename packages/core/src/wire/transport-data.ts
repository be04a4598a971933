/**
 * Transport data messages: sealing and opening in place, padding, message limits. Sections 5.4.6
 * and 6.2 of the WireGuard paper.
 *
 * ```
 *  offset - 16     - 12             - 8              offset
 *  | 4 | 0 0 0 | receiver index | counter (64 bit) | packet | zeros to 16 | tag (16) |
 * ```
 * Nothing here depends on peers, timers or endpoints.
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
 * Seals a packet in place. Writes the header into the 16 bytes in front of `offset`, and padding
 * and tag after the packet. The caller must have checked `keypair.isUsable(now)`. An empty packet
 * makes a keepalive.
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
  const padded = length + paddingLengthOf(length, mtu);
  clear(buffer, offset + length, offset + padded);
  const counter = keypair.sendCounter++;
  writeTransportHeader(buffer, offset - TRANSPORT_HEADER_LENGTH, keypair.remoteIndex, counter);
  keypair.sendCipher.seal(counter, buffer, offset, padded);
  return padded + TRANSPORT_OVERHEAD;
}

/**
 * Seals the first `count` packets of a run in place. The caller must have checked
 * `keypair.countSealable(now, count)`; `count` is 1 or more. Each message begins 16 bytes in front
 * of its packet. Each message is `messageLengthOf(run.length, mtu)` bytes long, except the message
 * of the run's last packet.
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
  return messageLengthOf(lastLength, mtu);
}

/** Returns the length of the message that a packet of `length` bytes becomes. */
export function messageLengthOf(length: number, mtu: number): number {
  return length + paddingLengthOf(length, mtu) + TRANSPORT_OVERHEAD;
}

/**
 * Returns the number of zero bytes after a packet: up to a multiple of 16, but not beyond the MTU
 * (kernel: send.c).
 */
export function paddingLengthOf(length: number, mtu: number): number {
  const aligned = (length + PADDING_MULTIPLE - 1) & -PADDING_MULTIPLE;
  return Math.max(0, Math.min(aligned, mtu) - length);
}

/**
 * Opens the message of `length` bytes at `offset` in place. The packet with its padding then begins
 * at `offset + 16` and is `length - 32` bytes long. The buffer may be overwritten even if the
 * message is dropped.
 *
 * @returns the keypair that authenticated the message, or why it must be dropped
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
  const counter = counterOf(buffer, offset);
  // This drops all counters that a number cannot represent exactly, because the limit is below
  // 2^53.
  if (counter >= keypair.limits.rejectAfterMessages) return 'counter-limit';
  const packet = offset + TRANSPORT_HEADER_LENGTH;
  const opened = keypair.receiveCipher.open(counter, buffer, packet, length - TRANSPORT_OVERHEAD);
  if (!opened) return 'invalid-tag';
  // The window is updated only after authentication, because an attacker must not be able to move
  // it.
  return keypair.replayWindow.accept(counter) ? keypair : 'replayed-counter';
}

/**
 * Begins to open the message of `length` bytes at `offset`, if the cipher of its session shares
 * work with other threads. `openTransportData` must follow: it decides whether the message is
 * accepted.
 */
export function beginTransportData(
  indices: SenderIndexTable<unknown, Keypair>,
  buffer: Uint8Array,
  offset: number,
  length: number,
): void {
  if (length <= TRANSPORT_OVERHEAD || buffer[offset] !== MESSAGE_TYPE.TRANSPORT_DATA) return;
  const keypair = indices.keypair(receiverIndexOf(buffer, offset));
  if (keypair?.receiveCipher.openLater === undefined) return;
  const counter = counterOf(buffer, offset);
  if (counter >= keypair.limits.rejectAfterMessages) return;
  const packet = offset + TRANSPORT_HEADER_LENGTH;
  keypair.receiveCipher.openLater(counter, buffer, packet, length - TRANSPORT_OVERHEAD);
}

/**
 * Returns the receiver index of the message at `offset`, as a signed number. It identifies our
 * session.
 */
export function receiverIndexOf(buffer: Uint8Array, offset: number): number {
  return readInt32(buffer, offset + RECEIVER_INDEX);
}

/** Writes the header of a transport message at `offset`. */
export function writeTransportHeader(
  buffer: Uint8Array,
  offset: number,
  receiver: number,
  counter: number,
): void {
  buffer[offset] = MESSAGE_TYPE.TRANSPORT_DATA;
  buffer[offset + 1] = 0;
  buffer[offset + 2] = 0;
  buffer[offset + 3] = 0;
  writeInt32(buffer, offset + RECEIVER_INDEX, receiver);
  writeInt32(buffer, offset + COUNTER, counter);
  // `| 0` makes the upper word an integer, because V8 allocates memory for a fractional number that
  // is passed to a function.
  writeInt32(buffer, offset + COUNTER + 4, (counter / 2 ** 32) | 0);
}

/** Returns the counter of the message at `offset`; not exact if it is above 2^53. */
function counterOf(buffer: Uint8Array, offset: number): number {
  const high = readInt32(buffer, offset + COUNTER + 4) >>> 0;
  return high * 2 ** 32 + (readInt32(buffer, offset + COUNTER) >>> 0);
}

/** Seals one or more packets of the same length. */
// oxlint-disable-next-line max-params -- called per packet: an object would be garbage
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
  const padded = length + paddingLengthOf(length, mtu);
  for (let i = 0; i < count; i++) {
    const at = offset + i * stride;
    clear(buffer, at + length, at + padded);
  }
  const { sendCipher, remoteIndex } = keypair;
  if (sendCipher.sealRunLater?.(counter, buffer, offset, padded, stride, count, remoteIndex))
    return;
  sealRun(sendCipher, counter, buffer, offset, padded, stride, count);
  // The headers come last, because the cipher may have overwritten that space.
  for (let i = 0; i < count; i++) {
    const header = offset + i * stride - TRANSPORT_HEADER_LENGTH;
    writeTransportHeader(buffer, header, remoteIndex, counter + i);
  }
}

/** Writes zeros as padding. Most packets need no padding, so a call of `fill` would cost more. */
function clear(buffer: Uint8Array, from: number, to: number): void {
  for (let i = from; i < to; i++) buffer[i] = 0;
}

const RECEIVER_INDEX = 4;
const COUNTER = 8;
/** The most bytes that padding and tag need after a packet. */
export const TAILROOM: number = PADDING_MULTIPLE - 1 + TAG_LENGTH;
