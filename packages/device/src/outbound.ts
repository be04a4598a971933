/**
 * `Outbound`: from the TUN to the sockets.
 *
 * 1. One read: a packet, or a super-packet of the kernel with up to 64 KiB.
 * 2. One look-up of peer and keypair for all of its segments.
 * 3. As many as the slab has room for are written into it, each with its own headers and checksum, in
 *    places of one size; they are sealed where they stand, as one run, and queued as one.
 * 4. The queue is sent when a whole message of the kernel's (64 KiB) stands in it, when the slab is
 *    full, and when the TUN has nothing more.
 *
 * Counters and timers of a peer are brought up to date once per run of packets to it. Nothing is
 * allocated per packet. What the fast path does not take (no session yet, nobody there, something
 * staged that must go first) goes through the engine packet by packet, in the same order.
 *
 * @module
 */
import { ecn, type Endpoint, type Engine, type FastPath, type Keypair } from '@litz/core';
import { SuperPacketSplitter, type ByteOperations } from '@litz/tun/offload';
import { HEADER_ROOM, ROOM, TAIL_ROOM, type PacketMemory } from './packet-memory.ts';
import { VNET_HEADER_LENGTH, type DatagramSocket, type Tun } from './ports.ts';

/** Reads per batch before the other direction has its turn; of long ones fewer. */
const READS = 64;
const BATCH_BYTES: number = 128 * 1024;
/** Queued bytes that are sent at once: the next packet of a stream would not fit into the message. */
const MESSAGE_BYTES = 60_000;
/** What an outer datagram can carry (65,507 bytes) without the message's header and tag. */
const LONGEST_PACKET = 65_475;
/** What `Tun.read` returns of a device that is gone. */
const GONE = -1;
/** Reads that fail in a row before the TUN has a rest, and how long it is. */
const MOST_FAILURES = 8;
const REST_MS = 10;

export interface OutboundOptions {
  readonly engine: Engine;
  readonly tun: Tun;
  readonly memory: PacketMemory;
  /** On `memory.buffer`. */
  readonly bytes?: ByteOperations | undefined;
  /** Takes everything out of the engine. */
  readonly drain: () => void;
}

export class Outbound {
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
  readonly #fastPath: FastPath;
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
  /** Packets in a row for one keypair whose counters and timers are not brought up to date yet. */
  #run: Keypair | undefined = undefined;
  #runMessages = 0;
  #runBytes = 0;

  constructor({ engine, tun, memory, bytes, drain }: OutboundOptions) {
    this.#engine = engine;
    this.#fastPath = engine.fastPath;
    this.#tun = tun;
    this.#memory = memory;
    this.#drain = drain;
    this.#splitter = new SuperPacketSplitter(bytes);
    this.#next = memory.slabOffset;
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
    this.#endRun(now);
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
    const packet = readOffset + VNET_HEADER_LENGTH;
    const peer = this.#fastPath.route(buffer, packet, length - VNET_HEADER_LENGTH);
    const keypair = peer && this.#fastPath.sendKeypair(peer, now);
    const endpoint = peer?.endpoint;
    const fits = this.#splitter.segmentLength <= LONGEST_PACKET;
    if (!keypair || !endpoint || !fits) {
      this.#endRun(now);
      for (let i = 0; i < packets; i++) this.#sendSlowly(now);
      return;
    }
    if (keypair !== this.#run) this.#beginRun(keypair, now);
    const tos = ecn(buffer, packet);
    let left = packets;
    while (left > 0) {
      const count = this.#seal(keypair, endpoint, tos, left, now);
      if (count === 0) break;
      left -= count;
    }
    if (left === 0) return;
    this.#endRun(now);
    for (; left > 0; left--) this.#sendSlowly(now);
  }

  /** As many of the next `left` segments as the slab has room for. @returns how many; 0: none may be */
  #seal(keypair: Keypair, endpoint: Endpoint, tos: number, left: number, now: number): number {
    const { buffer, slabEnd } = this.#memory;
    const { segmentLength } = this.#splitter;
    const at = this.#place();
    const stride = strideOf(segmentLength);
    const room = Math.floor((slabEnd + ROOM - at) / stride);
    const count = keypair.sealable(now, Math.min(left, room));
    if (count === 0) return 0;
    const last = this.#splitter.writeMany(buffer, at, stride, count);
    const end = this.#fastPath.sealRun(keypair, buffer, at, stride, segmentLength, last, count);
    const each = this.#fastPath.messageLength(segmentLength);
    const bytes = (count - 1) * each + end;
    this.#next = at - ROOM + count * stride;
    this.#queuedBytes += bytes;
    this.#runMessages += count;
    this.#runBytes += bytes;
    const from = at - HEADER_ROOM;
    this.sockets?.sendRun(buffer, from, each, end, stride, count, endpoint, tos);
    return count;
  }

  /** The next packet by the engine's whole way: staged, answered, dropped, or sent. */
  #sendSlowly(now: number): void {
    const { buffer } = this.#memory;
    const at = this.#place();
    const length = this.#splitter.write(buffer, at);
    this.#next = at - ROOM + strideOf(length);
    this.#queuedBytes += length;
    this.#engine.handlePacketAt(buffer, at, length, now);
    this.#drain();
  }

  /** Where the next packet goes, at the beginning of a block and with one in front. */
  #place(): number {
    const { slabEnd } = this.#memory;
    if (this.#next + strideOf(this.#splitter.segmentLength) > slabEnd) this.flush();
    return this.#next + ROOM;
  }

  #beginRun(keypair: Keypair, now: number): void {
    this.#endRun(now);
    this.#run = keypair;
  }

  #endRun(now: number): void {
    const keypair = this.#run;
    if (!keypair) return;
    this.#run = undefined;
    const messages = this.#runMessages;
    const bytes = this.#runBytes;
    this.#runMessages = 0;
    this.#runBytes = 0;
    if (messages === 0) return;
    this.#fastPath.afterSend(keypair, messages, bytes, now);
    this.#drain();
  }
}

/**
 * The place that a packet of a length has in the slab, in whole blocks: 64 bytes in front of it, padding
 * and tag behind it, and 16 to 79 more, the rest of its last block among them.
 */
function strideOf(length: number): number {
  return (ROOM + length + ROOM + TAIL_ROOM) & -ROOM;
}
