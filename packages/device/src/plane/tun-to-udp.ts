/**
 * `TunToUdp`: from the TUN to the sockets.
 *
 * 1. One read: a packet, or a super-packet of the kernel with up to 64 KiB.
 * 2. As many of its segments as the slab has room for are written into it, each with its own headers and
 *    checksum, in places of one size.
 * 3. The engine gets them as one run and says what becomes of them: sealed where they stand, staged or
 *    dropped. What it puts out is queued.
 * 4. The queue is sent when a whole message of the kernel's (64 KiB) stands in it, when the slab is
 *    full, and when the TUN has nothing more.
 *
 * No rule of the protocol stands here. Nothing is allocated per packet.
 *
 * @module
 */
import type { Engine, PacketRun } from '@litz/core';
import { SuperPacketSplitter, type ByteOperations } from '@litz/tun/offload';
import { ROOM, TAIL_ROOM, type PacketMemory } from './packet-memory.ts';
import type { DatagramSocket, Tun } from './io-interfaces.ts';

/** Reads per batch before the other direction has its turn; of long ones fewer. */
const READS = 64;
const BATCH_BYTES: number = 128 * 1024;
/** Queued bytes that are sent at once: the next packet of a stream would not fit into the message. */
const MESSAGE_BYTES = 60_000;
/** What sealing adds to a packet, without padding. */
const MESSAGE_OVERHEAD = 32;
/** What `Tun.read` returns of a device that is gone. */
const GONE = -1;
/** Reads that fail in a row before the TUN has a rest, and how long it is. */
const MOST_FAILURES = 8;
const REST_MS = 10;

export interface TunToUdpOptions {
  readonly engine: Engine;
  readonly tun: Tun;
  readonly memory: PacketMemory;
  /** On `memory.buffer`. */
  readonly bytes?: ByteOperations | undefined;
  /** Takes everything out of the engine. */
  readonly drain: () => void;
}

export class TunToUdp {
  readPackets = 0;
  /** Undefined while the link is down. */
  sockets: DatagramSocket | undefined = undefined;
  /** The TUN said that it exists no more. */
  gone = false;
  /**
   * Reads failed again and again: the next one is at this time, whatever the descriptor says, which
   * would call it readable all the time. Infinity: they did not.
   */
  restsUntil: number = Infinity;
  readonly #engine: Engine;
  readonly #tun: Tun;
  readonly #memory: PacketMemory;
  readonly #drain: () => void;
  readonly #splitter: SuperPacketSplitter;
  /** Where the next place begins in the slab. */
  #next: number;
  /**
   * The last batch was one packet, so the next will be one as well: it is sent before another one is
   * looked for.
   */
  #isSparse = false;
  /** Queued since the last flush. */
  #queuedBytes = 0;
  /** What the engine is given; filled again for each call. */
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

  /** A batch from the TUN out. @returns whether there may be more */
  read(now: number): boolean {
    const { buffer, readOffset, readLength } = this.#memory;
    let bytes = 0;
    let reads = 0;
    let failures = 0;
    this.restsUntil = Infinity;
    while (reads < READS && bytes < BATCH_BYTES) {
      const length = this.#tun.read(buffer, readOffset, readLength);
      if (length < GONE) {
        this.#engine.stats.drops.add('tun-malformed');
        if (++failures < MOST_FAILURES) continue;
        this.restsUntil = now + REST_MS;
      }
      if (length <= 0) {
        this.gone ||= length === GONE;
        this.#finish(now, reads);
        return false;
      }
      failures = 0;
      reads++;
      bytes += length;
      this.#take(length, now);
      if (this.#queuedBytes >= MESSAGE_BYTES || (reads === 1 && this.#isSparse)) this.flush();
    }
    this.#finish(now, reads);
    return true;
  }

  /** Sends what is queued, and has all of the slab again. */
  flush(): void {
    this.sockets?.flush();
    this.#next = this.#memory.slabOffset;
    this.#queuedBytes = 0;
  }

  #finish(now: number, reads: number): void {
    this.#isSparse = reads <= 1;
    this.#engine.finishBatch(now);
    this.#drain();
    this.flush();
  }

  /** One read, `length` bytes with the vnet header. */
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

  /** Hands as many of the next `left` segments on as the slab has room for. @returns how many */
  #send(left: number, now: number): number {
    const { buffer, slabEnd } = this.#memory;
    const { segmentLength } = this.#splitter;
    const at = this.#place();
    const stride = strideOf(segmentLength);
    const count = Math.min(left, Math.floor((slabEnd + ROOM - at) / stride));
    const run = this.#run;
    run.offset = at;
    run.stride = stride;
    run.length = segmentLength;
    run.lastLength = this.#splitter.writeMany(buffer, at, stride, count);
    run.count = count;
    this.#next = at - ROOM + count * stride;
    this.#queuedBytes += count * (segmentLength + MESSAGE_OVERHEAD);
    this.#engine.handlePackets(run, now);
    this.#drain();
    return count;
  }

  /** Where the next packet goes, at the beginning of a block and with one in front. */
  #place(): number {
    const { slabEnd } = this.#memory;
    if (this.#next + strideOf(this.#splitter.segmentLength) > slabEnd) this.flush();
    return this.#next + ROOM;
  }
}

/**
 * The place that a packet of a length has in the slab, in whole blocks: 64 bytes in front of it, padding
 * and tag behind it, and 16 to 79 more, the rest of its last block among them.
 */
function strideOf(length: number): number {
  return (ROOM + length + ROOM + TAIL_ROOM) & -ROOM;
}
