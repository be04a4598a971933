/**
 * `TunToUdp`: moves packets from the TUN to the sockets.
 *
 * 1. Each read returns one packet, or a super-packet of the kernel of up to 64 KiB.
 * 2. A super-packet is split into segments, each with its own headers and checksum. As many
 *    segments as fit are written into the slab. The places of one super-packet have equal sizes.
 * 3. The engine gets these packets in one call. It encrypts them in place, stages them or drops
 *    them. Its output is queued.
 * 4. The queue is sent when the slab is full, and at the end of a batch. A super-packet may have
 *    more segments than one send with GSO takes (64 KiB, 64 datagrams). The datagrams that are left
 *    are then sent together with the first ones of the next super-packet of that stream.
 *
 * This class knows nothing of the WireGuard protocol. It allocates nothing per packet.
 *
 * @module
 */
import type { DatagramRun, Engine, PacketRun } from '@litz/core';
import { SuperPacketSplitter, type ByteOperations } from '@litz/tun/offload';
import { BatchSizes } from './batch-sizes.ts';
import {
  HEADER_LENGTH,
  MAX_TAIL_LENGTH,
  PACKET_MARGIN,
  type PacketMemory,
} from './packet-memory.ts';
import type { DatagramSocket, Tun } from './io-interfaces.ts';
import type { PacketTap } from './packet-tap.ts';
import { SealingRuns, type SealingThreads } from './sealing-runs.ts';

export interface TunToUdpOptions {
  readonly engine: Engine;
  readonly tun: Tun;
  readonly memory: PacketMemory;
  /** Copy and checksum operations on `memory.buffer`. */
  readonly bytes?: ByteOperations | undefined;
  /** Takes all output of the engine. */
  readonly drain: () => void;
  /** Threads that help the calling thread to seal. Default: none. */
  readonly threads?: SealingThreads | undefined;
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
  /** The runs that wait for other threads. */
  readonly #runs: SealingRuns | undefined;
  /** Whether other threads take part in the current batch. */
  #isShared = false;
  /** Offset in the slab where the next place begins. */
  #next: number;
  /** Offset of the first place that is in use; equal to `#next` if none is. */
  #used: number;
  /**
   * Whether the last batch had at most one read. Then the next batch probably has only one read
   * too, so what that read returns is sent before the TUN is read again.
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
    this.#runs = threads && new SealingRuns(threads);
    this.#next = memory.slabOffset;
    this.#used = this.#next;
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

  /** Queues datagrams. They are sent after the datagrams that other threads still seal. */
  send(run: DatagramRun): void {
    const runs = this.#runs;
    if (!runs || (runs.isEmpty && !this.#threads!.isBusy)) {
      this.sockets?.sendRun(run);
      return;
    }
    if (runs.isFull) this.#sendFirst(runs);
    runs.push(run);
  }

  /** Sends the queue. After that, the whole slab is free. */
  flush(): void {
    const runs = this.#runs;
    // The other threads seal the next run while this thread sends the first one.
    if (runs) {
      while (!runs.isEmpty) this.#sendFirst(runs);
    }
    this.sockets?.flush();
    this.#next = this.#memory.slabOffset;
    this.#used = this.#next;
  }

  #finish(now: number, reads: number, before: number): void {
    this.batches.add(this.readPackets - before);
    this.#isSparse = reads <= 1;
    if (this.#runs) this.flush();
    // Waits for the threads, because `finishBatch` may destroy a key that they use.
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
    const stride = strideOf(segmentLength);
    const free = this.#freeBytes(left * stride, stride);
    const at = this.#next + PACKET_MARGIN;
    const count = Math.min(left, Math.floor(free / stride));
    const run = this.#run;
    run.offset = at;
    run.stride = stride;
    run.length = segmentLength;
    run.lastLength = this.#splitter.writeMany(buffer, at, stride, count);
    run.count = count;
    this.#next += count * stride;
    if (this.tap) this.#sendTapped(this.tap, now);
    else this.#engine.handlePackets(run, now);
    this.#drain();
    if (this.#runs && !this.#runs.isEmpty) this.#sendSealed(this.#runs);
    return count;
  }

  #sendTapped(tap: PacketTap, now: number): void {
    tap.beforeSend(this.#run);
    tap.afterSend(this.#run, this.#engine.handlePackets(this.#run, now));
  }

  /** Sends the first runs if other threads have sealed them. Does not wait. */
  #sendSealed(runs: SealingRuns): void {
    let run = runs.takeSealed();
    if (!run) return;
    for (; run; run = runs.takeSealed()) this.sockets?.sendRun(run);
    this.#flushSockets(runs);
  }

  /** Waits until the first run is sealed, and sends it. Meanwhile this thread helps to seal. */
  #sendFirst(runs: SealingRuns): void {
    this.sockets?.sendRun(runs.awaitFirst());
    this.#flushSockets(runs);
  }

  /** Sends what the sockets have queued. The slab is then in use from the first run that waits. */
  #flushSockets(runs: SealingRuns): void {
    this.sockets?.flush();
    this.#used = runs.isEmpty ? this.#next : runs.offset + HEADER_LENGTH - PACKET_MARGIN;
  }

  /**
   * Frees bytes of the slab, and returns how many are free from `#next` on: at least `least`.
   * While other threads seal, it is at least `wanted`, or the whole slab.
   */
  #freeBytes(wanted: number, least: number): number {
    if (!this.#isShared) {
      if (this.#next + least > this.#memory.slabEnd) this.flush();
      return this.#memory.slabEnd - this.#next;
    }
    return this.#freeSharedBytes(wanted);
  }

  /**
   * Frees bytes while other threads seal. The slab is then a ring, which is in use from `#used` to
   * `#next`.
   */
  #freeSharedBytes(wanted: number): number {
    const { slabOffset, sharedEnd } = this.#memory;
    for (;;) {
      if (this.#used === this.#next) {
        this.#used = this.#next = slabOffset;
        return sharedEnd - slabOffset;
      }
      const isWrapped = this.#next < this.#used;
      // Writing the tag of the last packet may save and restore a word behind its place. So there
      // is a gap before the bytes that are in use.
      const end = isWrapped ? this.#used - PACKET_MARGIN : sharedEnd;
      if (end - this.#next >= wanted) return end - this.#next;
      if (!isWrapped && this.#used - slabOffset > wanted) this.#next = slabOffset;
      else if (this.#runs!.isEmpty) this.flush();
      else this.#sendFirst(this.#runs!);
    }
  }

  /**
   * Begins a batch. While there is a tap, no other thread takes part, because the tap looks at
   * messages as soon as the engine returns them.
   *
   * @returns whether other threads take part
   */
  #share(): boolean {
    this.#isShared = !this.tap && this.#threads !== undefined && this.#threads.running > 1;
    if (this.#isShared) this.#threads!.open();
    this.#next = this.#memory.slabOffset;
    this.#used = this.#next;
    return this.#isShared;
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
/**
 * The limit while other threads seal. It is higher, because they are idle between two batches.
 */
const SHARED_BATCH_BYTES: number = 1024 * 1024;
/** `Tun.read` returns this when the device is gone. */
const GONE = -1;
/** After this many failed reads in a row, the TUN is not read for `PAUSE_MS` ms. */
const MOST_FAILURES = 8;
const PAUSE_MS = 10;
