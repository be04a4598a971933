/**
 * `FastPath`: what the engine decides per packet, as small primitives, for a caller who has many
 * packets at a time. `Engine.handlePacketAt` and `handleDatagramAt` are made of the same functions.
 *
 * Out: `route` and `sendKeypair` once per super-packet, then `keypair.sealable(now, count)` and `sealRun`
 * of its segments, or per packet `keypair.usable(now)` and `seal`, to `peer.endpoint`, then `afterSend`
 * once. Without one of them: `handlePacketAt`.
 * In: per datagram of type 4 `open`, then `accept`; `afterReceive` once per run of one keypair.
 * Drain the engine's outputs afterwards, as after every input.
 *
 * @module
 */
import type { DropReason } from './drop-reason.ts';
import type { Endpoint } from './endpoint.ts';
import { drop, type EngineState } from './engine-state.ts';
import { acceptPacket, afterReceive, DISALLOWED, dropTransportData, MALFORMED } from './inbound.ts';
import type { Keypair } from './keypairs.ts';
import { afterSend, destinationOf, route } from './outbound.ts';
import type { Peer } from './peer.ts';
import { dataSent } from './timers.ts';
import {
  messageLength,
  openTransportData,
  sealTransportData,
  sealTransportRun,
} from './transport-data.ts';

export class FastPath {
  readonly #state: EngineState;

  constructor(state: EngineState) {
    this.#state = state;
  }

  /** Whose packet it is by its destination; undefined also if it is no IP packet. */
  route(buffer: Uint8Array, offset: number, length: number): Peer | undefined {
    const addressLength = destinationOf(buffer, offset, length);
    return addressLength === 0 ? undefined : route(this.#state, buffer, offset, addressLength);
  }

  /** What to send with at once: there is a session, an endpoint, and nothing waits to go before. */
  sendKeypair(peer: Peer, now: number): Keypair | undefined {
    const waiting = peer.staged !== undefined && peer.staged.length > 0;
    return waiting || !peer.endpoint ? undefined : peer.sendKeypair(now);
  }

  /**
   * Seals in place: 16 bytes are free in front of `offset`, 15 + 16 behind the packet. Returns the
   * length of the datagram, which begins at `offset - 16`.
   */
  seal(keypair: Keypair, buffer: Uint8Array, offset: number, length: number): number {
    return sealTransportData(keypair, buffer, offset, length, this.#state.mtu);
  }

  /** Of the datagram that a packet of `length` bytes becomes. */
  messageLength(length: number): number {
    return messageLength(length, this.#state.mtu);
  }

  /**
   * Seals `count` packets in place, `stride` bytes apart from `offset` on: each of `length` bytes, the
   * last of `lastLength`, which is no more. The room around each, with its padding, is that of
   * `Cipher.sealRun`. Returns the length of the last datagram; each begins 16 bytes in front of its packet.
   */
  sealRun(
    keypair: Keypair,
    buffer: Uint8Array,
    offset: number,
    stride: number,
    length: number,
    lastLength: number,
    count: number,
  ): number {
    const { mtu } = this.#state;
    return sealTransportRun(keypair, buffer, offset, stride, length, lastLength, count, mtu);
  }

  /** `messages` with packets in them were sealed and sent, `bytes` long together. */
  afterSend(keypair: Keypair, messages: number, bytes: number, now: number): void {
    afterSend(this.#state, keypair, messages, bytes, now);
    dataSent(this.#state, keypair.peer, now);
  }

  /**
   * Opens in place a datagram whose first four bytes are 4, 0, 0, 0. A reason is counted already;
   * otherwise the packet and its padding are `length - 32` bytes at `offset + 16`, none for a
   * keepalive.
   */
  open(buffer: Uint8Array, offset: number, length: number, now: number): Keypair | DropReason {
    const opened = openTransportData(this.#state.indices, buffer, offset, length, now);
    if (typeof opened !== 'string') return opened;
    return dropTransportData(this.#state, opened, buffer, offset);
  }

  /** `messages` were opened with one keypair, `bytes` long together, the last from `source`. */
  afterReceive(
    keypair: Keypair,
    source: Endpoint,
    messages: number,
    bytes: number,
    hasData: boolean,
    now: number,
  ): void {
    afterReceive(this.#state, keypair, source, messages, bytes, hasData, now);
  }

  /**
   * Checks an opened packet and sets its ECN bits. Returns its length without padding, or 0: dropped
   * and counted.
   */
  accept(
    keypair: Keypair,
    buffer: Uint8Array,
    offset: number,
    length: number,
    ecn: number,
  ): number {
    const { peer } = keypair;
    const total = acceptPacket(this.#state, peer, buffer, offset, length, ecn);
    if (total === MALFORMED) drop(this.#state, 'malformed-packet', peer);
    if (total === DISALLOWED) drop(this.#state, 'disallowed-source', peer);
    return Math.max(0, total);
  }
}
