/**
 * `CaptureTap`: one capture in the packet loop. It decides which packets are recorded, and writes
 * them into the ring. If the ring is full, a packet is only counted.
 *
 * @module
 */
import type { DropReason, PublicKey } from '@litz/core';
import { keyId, wipe, type HandshakeSecrets } from '@litz/core/internals';
import type { CaptureFilter } from './capture-options.ts';
import { CaptureRingWriter, RING_COUNTER } from './capture-ring.ts';
import { keyLogBlockLength, writeKeyLogBlock } from './key-log-block.ts';
import { outerHeaderLength, writeOuterHeader, type OuterDatagram } from './outer-header.ts';
import {
  PACKET_OFFSET,
  packetBlockLength,
  writePacketBlock,
  type PacketBlock,
} from './packet-block.ts';

/** A Unix time, in an object that is reused. */
export interface UnixTime {
  seconds: number;
  nanoseconds: number;
}

export class CaptureTap {
  readonly filter: CaptureFilter;
  readonly #ring: CaptureRingWriter;
  readonly #peers: ReadonlySet<string> | undefined;
  /**
   * Whether packets of a peer are recorded. The engine has one key object per peer, so each key is
   * compared only once.
   */
  readonly #known: WeakMap<PublicKey, boolean> = new WeakMap();
  /** Reused for each packet. */
  readonly #block: PacketBlock;
  /** How many packets of each side were left out since the last recorded packet of that side. */
  readonly #lost: [inner: number, outer: number] = [0, 0];
  /** How many packets came since the last `publish` or `discard`. All are of one side. */
  #pendingSeen = 0;
  #pendingLost = 0;
  /** The value of `#lost` for that side before the first of these packets came. */
  #lostBefore = 0;
  /** Where the last of these packets was written; -1: none was written. */
  #pendingAt = -1;
  /**
   * Blocks of secrets that came since the last `publish` or `discard`. They are written after the
   * packets.
   */
  #heldSecrets: Uint8Array[] = [];

  /** @param memory of the reader's ring */
  constructor(memory: SharedArrayBuffer, filter: CaptureFilter) {
    this.filter = filter;
    this.#ring = new CaptureRingWriter(memory);
    this.#peers = filter.peers && new Set(filter.peers.map(keyId));
    this.#block = {
      interfaceId: INNER,
      isInbound: false,
      seconds: 0,
      nanoseconds: 0,
      length: 0,
      captured: 0,
      lost: 0,
      comment: undefined,
    };
  }

  /**
   * Whether packets of this peer are recorded.
   *
   * @param peer undefined: packets that belong to no peer
   */
  wants(peer: PublicKey | undefined): boolean {
    if (!this.#peers) return true;
    if (!peer) return false;
    let isWanted = this.#known.get(peer);
    if (isWanted === undefined) this.#known.set(peer, (isWanted = this.#peers.has(keyId(peer))));
    return isWanted;
  }

  /** Writes a packet of the interface. The reader does not see it before `publish`. */
  // oxlint-disable-next-line max-params -- called per packet: an object would be garbage
  inner(
    buffer: Uint8Array,
    offset: number,
    length: number,
    isInbound: boolean,
    time: UnixTime,
    reason: DropReason | undefined,
  ): void {
    const block = this.#begin(INNER, isInbound, length, time, reason);
    const at = this.#reserve(block);
    if (at === -1) return;
    const { bytes } = this.#ring;
    bytes.set(buffer.subarray(offset, offset + block.captured), at + PACKET_OFFSET);
    this.#commit(at);
  }

  /** Writes a datagram with new headers. The reader does not see it before `publish`. */
  outer(
    datagram: OuterDatagram,
    isInbound: boolean,
    time: UnixTime,
    reason: DropReason | undefined,
  ): void {
    const header = outerHeaderLength(datagram);
    const block = this.#begin(OUTER, isInbound, header + datagram.length, time, reason);
    const at = this.#reserve(block);
    if (at === -1) return;
    const { bytes, view } = this.#ring;
    const { buffer, offset } = datagram;
    writeOuterHeader(bytes, view, at + PACKET_OFFSET, datagram);
    const message = buffer.subarray(offset, offset + block.captured - header);
    bytes.set(message, at + PACKET_OFFSET + header);
    this.#commit(at);
  }

  /** Adds the reason of a drop to the one packet that was written and not yet published. */
  explain(reason: DropReason): void {
    if (this.#pendingAt === -1) return;
    this.#block.comment = commentOf(reason);
    this.#write(this.#pendingAt);
  }

  /** Writes the secrets of a handshake, even if only inner or only outer packets are captured. */
  secrets(secrets: HandshakeSecrets): void {
    const { bytes, view } = this.#ring;
    const length = keyLogBlockLength(secrets);
    if (this.#pendingSeen > 0) {
      const held = new Uint8Array(length);
      writeKeyLogBlock(held, new DataView(held.buffer), 0, secrets);
      this.#heldSecrets.push(held);
      return;
    }
    const at = this.#ring.reserve(length);
    // The ring is full. Without these secrets a reader sees the packets, but cannot decrypt them.
    if (at === -1) return;
    writeKeyLogBlock(bytes, view, at, secrets);
    this.#ring.commit(at, length);
    this.#ring.publish();
  }

  /** Shows the reader what was written. */
  publish(): void {
    if (this.#pendingSeen === 0) return;
    const { interfaceId } = this.#block;
    this.#ring.publish();
    this.#ring.count(SEEN[interfaceId]!, this.#pendingSeen);
    this.#ring.count(LOST[interfaceId]!, this.#pendingLost);
    this.#endPending();
  }

  /** Discards what was written since the last `publish`. */
  discard(): void {
    if (this.#pendingSeen === 0) return;
    this.#lost[this.#block.interfaceId] = this.#lostBefore;
    this.#ring.discard();
    this.#endPending();
  }

  /** Returns whether the reader must be told that there is something to read. */
  mustWake(): boolean {
    return this.#ring.mustWake();
  }

  #begin(
    side: typeof INNER | typeof OUTER,
    isInbound: boolean,
    length: number,
    { seconds, nanoseconds }: UnixTime,
    reason: DropReason | undefined,
  ): PacketBlock {
    const block = this.#block;
    block.interfaceId = side;
    block.isInbound = isInbound;
    block.length = length;
    block.captured = Math.min(length, this.filter.snapLength);
    block.seconds = seconds;
    block.nanoseconds = nanoseconds;
    block.comment = reason && commentOf(reason);
    return block;
  }

  #reserve(block: PacketBlock): number {
    const side = block.interfaceId;
    const at = this.#ring.reserve(packetBlockLength(block.captured));
    if (this.#pendingSeen++ === 0) this.#lostBefore = this.#lost[side]!;
    if (at === -1) {
      this.#pendingLost++;
      this.#lost[side]!++;
      return -1;
    }
    block.lost = this.#lost[side]!;
    this.#lost[side] = 0;
    return at;
  }

  #commit(at: number): void {
    this.#pendingAt = at;
    this.#write(at);
  }

  #write(at: number): void {
    const { bytes, view } = this.#ring;
    this.#ring.commit(at, writePacketBlock(bytes, view, at, this.#block));
  }

  #endPending(): void {
    this.#pendingSeen = 0;
    this.#pendingLost = 0;
    this.#pendingAt = -1;
    if (this.#heldSecrets.length === 0) return;
    for (const held of this.#heldSecrets.splice(0)) {
      const at = this.#ring.reserve(held.length);
      if (at !== -1) {
        this.#ring.bytes.set(held, at);
        this.#ring.commit(at, held.length);
        this.#ring.publish();
      }
      wipe(held);
    }
  }
}

/** Returns the comment of a dropped packet. */
function commentOf(reason: DropReason): Uint8Array {
  let comment = comments.get(reason);
  if (!comment) comments.set(reason, (comment = new TextEncoder().encode(`dropped: ${reason}`)));
  return comment;
}

/** The numbers of the two interfaces. */
const INNER = 0;
const OUTER = 1;

const SEEN = [RING_COUNTER.SEEN_INNER, RING_COUNTER.SEEN_OUTER];
const LOST = [RING_COUNTER.LOST_INNER, RING_COUNTER.LOST_OUTER];
const comments = new Map<DropReason, Uint8Array>();
