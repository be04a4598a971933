/**
 * `TunToUdp`: moves packets from the TUN to the sockets.
 *
 * 1. Each read returns one packet, or a super-packet of the kernel of up to 64 KiB.
 * 2. A super-packet is split into segments, each with its own headers and checksum. As many
 *    segments as fit are written into the slab. The places in the slab have equal sizes.
 * 3. The engine gets these packets in one call. It encrypts them in place, stages them or drops
 *    them. Its output is queued.
 * 4. The queue is sent when the slab is full, and at the end of a batch. A super-packet may have
 *    more segments than fit into one message of the kernel (64 KiB, 64 datagrams). The datagrams of
 *    a stream that are left then leave in one message with the first ones of the next super-packet.
 *
 * This class knows nothing of the WireGuard protocol. It allocates nothing per packet.
 *
 * @module
 */
import type { Engine, PacketRun } from '@litz/core';
import { SuperPacketSplitter, type ByteOperations } from '@litz/tun/offload';
import { PACKET_MARGIN, MAX_TAIL_LENGTH, type PacketMemory } from './packet-memory.ts';
import type { DatagramSocket, Tun } from './io-interfaces.ts';
import type { PacketTap } from './packet-tap.ts';

export interface TunToUdpOptions {
  readonly engine: Engine;
  readonly tun: Tun;
  readonly memory: PacketMemory;
  /** Copy and checksum operations on `memory.buffer`. */
  readonly bytes?: ByteOperations | undefined;
  /** Takes all output of the engine. */
  readonly drain: () => void;
}

export class TunToUdp {
  readPackets = 0;
  /** The current sockets; undefined while the link is down. */
  sockets: DatagramSocket | undefined = undefined;
  /** Whether the TUN reported that it no longer exists. */
  isTunGone = false;
  /**
   * After repeated failures: when to read the TUN again, in ms of the clock. Poll is ignored until
   * then, because it would report the descriptor as readable all the time. Infinity: reads did not
   * fail.
   */
  pausedUntil: number = Infinity;
  /** Sees the packets while a capture runs. */
  tap: PacketTap | undefined = undefined;
  readonly #engine: Engine;
  readonly #tun: Tun;
  readonly #memory: PacketMemory;
  readonly #drain: () => void;
  readonly #splitter: SuperPacketSplitter;
  /** Offset in the slab where the next place begins. */
  #next: number;
  /**
   * Whether the last batch had at most one packet. Then the next batch probably has only one packet
   * too, and this packet is sent before the TUN is read again.
   */
  #isSparse = false;
  /** The argument of `handlePackets`, reused for each call. */
  readonly #run: PacketRun;

  constructor({ engine, tun, memory, bytes, drain }: TunToUdpOptions) {
    this.#engine = engine;
    this.#tun = tun;
    this.#memory = memory;
    this.#drain = drain;
    this.#splitter = new SuperPacketSplitter(bytes);
    this.#next = memory.slabOffset;
    this.#run = {
      buffer: memory.buffer,
      offset: 0,
      stride: 0,
      length: 0,
      lastLength: 0,
      count: 1,
    };
  }

  /** Processes one batch from the TUN. @returns whether there may be more packets */
  read(now: number): boolean {
    const { buffer, readOffset, readLength } = this.#memory;
    let bytes = 0;
    let reads = 0;
    let failures = 0;
    this.pausedUntil = Infinity;
    while (reads < READS && bytes < BATCH_BYTES) {
      const length = this.#tun.read(buffer, readOffset, readLength);
      if (length < GONE) {
        this.#engine.stats.drops.add('tun-malformed');
        if (++failures < MOST_FAILURES) continue;
        this.pausedUntil = now + PAUSE_MS;
      }
      if (length <= 0) {
        this.isTunGone ||= length === GONE;
        this.#finish(now, reads);
        return false;
      }
      failures = 0;
      reads++;
      bytes += length;
      this.#take(length, now);
      if (reads === 1 && this.#isSparse) this.flush();
    }
    this.#finish(now, reads);
    return true;
  }

  /** Sends the queue. After that, the whole slab is free. */
  flush(): void {
    this.sockets?.flush();
    this.#next = this.#memory.slabOffset;
  }

  #finish(now: number, reads: number): void {
    this.#isSparse = reads <= 1;
    this.#engine.finishBatch(now);
    this.#drain();
    this.flush();
  }

  /** Processes one read of `length` bytes, with the vnet header. */
  #take(length: number, now: number): void {
    const { buffer, readOffset } = this.#memory;
    const packets = this.#splitter.begin(buffer, readOffset, length);
    if (packets < 0) {
      this.readPackets++;
      this.#engine.stats.drops.add('tun-malformed');
      return;
    }
    this.readPackets += packets;
    for (let left = packets; left > 0;) left -= this.#send(left, now);
  }

  /**
   * Passes as many of the next `left` segments to the engine as fit into the slab.
   *
   * @returns how many
   */
  #send(left: number, now: number): number {
    const { buffer, slabEnd } = this.#memory;
    const { segmentLength } = this.#splitter;
    const at = this.#place();
    const stride = strideOf(segmentLength);
    const count = Math.min(left, Math.floor((slabEnd + PACKET_MARGIN - at) / stride));
    const run = this.#run;
    run.offset = at;
    run.stride = stride;
    run.length = segmentLength;
    run.lastLength = this.#splitter.writeMany(buffer, at, stride, count);
    run.count = count;
    this.#next = at - PACKET_MARGIN + count * stride;
    if (this.tap) this.#sendTapped(this.tap, now);
    else this.#engine.handlePackets(run, now);
    this.#drain();
    return count;
  }

  #sendTapped(tap: PacketTap, now: number): void {
    tap.beforeSend(this.#run);
    tap.afterSend(this.#run, this.#engine.handlePackets(this.#run, now));
  }

  /**
   * Returns the offset of the next packet: at the beginning of a block, with one block in front.
   */
  #place(): number {
    const { slabEnd } = this.#memory;
    if (this.#next + strideOf(this.#splitter.segmentLength) > slabEnd) this.flush();
    return this.#next + PACKET_MARGIN;
  }
}

/**
 * Returns the length of the slab place for a packet of this length, in whole blocks: 64 bytes in
 * front of the packet; padding and tag behind it; and 16 to 79 more bytes, which include the rest
 * of the last block.
 */
function strideOf(length: number): number {
  return (PACKET_MARGIN + length + PACKET_MARGIN + MAX_TAIL_LENGTH) & -PACKET_MARGIN;
}

/** A batch ends after this many reads, so that the other direction gets its turn. */
const READS = 64;
// A batch also ends after this many bytes.
const BATCH_BYTES: number = 128 * 1024;
/** `Tun.read` returns this when the device is gone. */
const GONE = -1;
/** After this many failed reads in a row, the TUN is not read for `PAUSE_MS` ms. */
const MOST_FAILURES = 8;
const PAUSE_MS = 10;
