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
import { BatchSizes } from './batch-sizes.ts';
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
  /** Threads that seal together with this one. Default: none. */
  readonly threads?: SealingThreads | undefined;
}

/**
 * Threads that seal runs of packets together with the packet loop. After `handlePackets`, a run may
 * still be in progress: `isBusy`. Then its messages may be queued, but not sent before `finish`.
 */
export interface SealingThreads {
  /** Whether a run is in progress. */
  readonly isBusy: boolean;
  /** The end of all runs that have begun so far, for `finish`. */
  readonly mark: number;
  /** How many threads there are at present, with the packet loop's. */
  readonly running: number;
  /** Runs may be shared from now on. */
  open(): void;
  /** Waits until the runs before `mark` are sealed; default: all runs. */
  finish(mark?: number): void;
  /** Waits until all runs are sealed. From then on no run is shared. */
  close(): void;
}

export class TunToUdp {
  readPackets = 0;
  readonly batches: BatchSizes = new BatchSizes();
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
  readonly #threads: SealingThreads | undefined;
  /** Offset in the slab where the next place begins. */
  #next: number;
  /** The part of the slab that is in use: all of it, or with other threads one half. */
  #start: number;
  #end: number;
  /**
   * Whether the last batch had at most one packet. Then the next batch probably has only one packet
   * too, and this packet is sent before the TUN is read again.
   */
  #isSparse = false;
  /** The argument of `handlePackets`, reused for each call. */
  readonly #run: PacketRun;

  constructor({ engine, tun, memory, bytes, drain, threads }: TunToUdpOptions) {
    this.#engine = engine;
    this.#tun = tun;
    this.#memory = memory;
    this.#drain = drain;
    this.#splitter = new SuperPacketSplitter(bytes);
    this.#threads = threads;
    this.#start = memory.slabOffset;
    this.#end = memory.slabEnd;
    this.#next = this.#start;
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
    const before = this.readPackets;
    let bytes = 0;
    let reads = 0;
    let failures = 0;
    this.pausedUntil = Infinity;
    const most = this.#share() ? SHARED_BATCH_BYTES : BATCH_BYTES;
    while (reads < READS && bytes < most) {
      const length = this.#tun.read(buffer, readOffset, readLength);
      if (length < GONE) {
        this.#engine.stats.drops.add('tun-malformed');
        if (++failures < MOST_FAILURES) continue;
        this.pausedUntil = now + PAUSE_MS;
      }
      if (length <= 0) {
        this.isTunGone ||= length === GONE;
        this.#finish(now, reads, before);
        return false;
      }
      failures = 0;
      reads++;
      bytes += length;
      this.#take(length, now);
      if (reads === 1 && this.#isSparse) this.flush();
    }
    this.#finish(now, reads, before);
    return true;
  }

  /** Sends the queue. After that, the whole slab is free. */
  flush(): void {
    this.#threads?.finish();
    this.sockets?.flush();
    this.#next = this.#start;
  }

  #finish(now: number, reads: number, before: number): void {
    this.batches.add(this.readPackets - before);
    this.#isSparse = reads <= 1;
    // The engine may destroy a key.
    this.#threads?.close();
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
    const { buffer } = this.#memory;
    const { segmentLength } = this.#splitter;
    const at = this.#place();
    const stride = strideOf(segmentLength);
    const count = Math.min(left, Math.floor((this.#end + PACKET_MARGIN - at) / stride));
    const run = this.#run;
    run.offset = at;
    run.stride = stride;
    run.length = segmentLength;
    run.lastLength = this.#splitter.writeMany(buffer, at, stride, count);
    run.count = count;
    this.#next = at - PACKET_MARGIN + count * stride;
    const mark = this.#threads?.mark ?? 0;
    if (this.tap) this.#sendTapped(this.tap, now);
    else this.#engine.handlePackets(run, now);
    if (this.#threads?.isBusy) this.#sendFormer(this.#threads, mark);
    this.#drain();
    return count;
  }

  #sendTapped(tap: PacketTap, now: number): void {
    tap.beforeSend(this.#run);
    tap.afterSend(this.#run, this.#engine.handlePackets(this.#run, now));
  }

  /**
   * Sends what was queued before this run, while other threads seal this run. If this run is not
   * shared, it must not be queued behind runs that are, because a full queue sends itself.
   */
  #sendFormer(threads: SealingThreads, mark: number): void {
    threads.finish(mark);
    this.sockets?.flush();
    if (!threads.isBusy) return;
    // The other half is free now.
    const { slabOffset, slabEnd } = this.#memory;
    const middle = this.#middle;
    [this.#start, this.#end] =
      this.#start === slabOffset ? [middle, slabEnd] : [slabOffset, middle];
    this.#next = this.#start;
  }

  /** Where the second half of the slab begins: at the beginning of a block. */
  get #middle(): number {
    return ((this.#memory.slabOffset + this.#memory.slabEnd) / 2) & -PACKET_MARGIN;
  }

  /**
   * Begins a batch. A tap looks at messages as soon as they are sealed, so nothing is shared then.
   *
   * @returns whether other threads take part
   */
  #share(): boolean {
    const { slabOffset, slabEnd } = this.#memory;
    const isShared = !this.tap && this.#threads !== undefined && this.#threads.running > 1;
    if (isShared) this.#threads.open();
    this.#start = slabOffset;
    this.#end = isShared ? this.#middle : slabEnd;
    this.#next = slabOffset;
    return isShared;
  }

  /**
   * Returns the offset of the next packet: at the beginning of a block, with one block in front.
   */
  #place(): number {
    if (this.#next + strideOf(this.#splitter.segmentLength) > this.#end) this.flush();
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
/** With other threads: at the end of a batch they wait for the packet loop. */
const SHARED_BATCH_BYTES: number = 512 * 1024;
/** `Tun.read` returns this when the device is gone. */
const GONE = -1;
/** After this many failed reads in a row, the TUN is not read for `PAUSE_MS` ms. */
const MOST_FAILURES = 8;
const PAUSE_MS = 10;
