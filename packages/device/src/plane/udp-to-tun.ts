/**
 * `UdpToTun`: moves packets from the sockets to the TUN.
 *
 * 1. The sockets return a batch: buffers of up to 64 KiB, each with one datagram or many (GRO).
 * 2. The engine gets each datagram. If it contains a packet, the engine decrypts it in place.
 * 3. Successive packets of one flow are joined to a super-packet, without copying, and written in
 *    one call.
 *
 * This class knows nothing of the WireGuard protocol. It allocates nothing per packet.
 *
 * @module
 */
import type { Endpoint, Engine } from '@litz/core';
import {
  clearVnetHeader,
  Coalescer,
  VNET_HEADER_LENGTH,
  type PacketPieces,
} from '@litz/tun/offload';
import { BatchSizes } from './batch-sizes.ts';
import type { PacketMemory } from './packet-memory.ts';
import type { DatagramSink, DatagramSocket, Tun } from './io-interfaces.ts';
import { ReceivedBatch } from './received-batch.ts';
import type { PacketTap } from './packet-tap.ts';

/** A kind of super-packet that the TUN refused, and why. */
export type RefusedSuperPacket = { readonly kind: 'tcp' | 'udp'; readonly errno: number };

export interface UdpToTunOptions {
  readonly engine: Engine;
  readonly tun: Tun;
  readonly memory: PacketMemory;
  /** Takes all output of the engine. */
  readonly drain: () => void;
  /**
   * Called when the kernel refused a super-packet. From then on, packets of its kind are written
   * one by one.
   */
  readonly onSuperPacketRefused: (refused: RefusedSuperPacket) => void;
  /** Threads that help the calling thread to open. Default: none. */
  readonly threads?: OpeningThreads | undefined;
}

/** Threads that open datagrams together with the packet loop. */
export interface OpeningThreads {
  /** How many threads there are at present, including the thread of the packet loop. */
  readonly running: number;
  /** A mark behind all datagrams that were published so far, for `finishOpening`. */
  readonly mark: number;
  /** Begins a batch: datagrams that `Engine.beginDatagram` gets from now on are shared. */
  beginOpening(): void;
  /**
   * Must be called when no datagram follows. The last datagrams, which wait for others that could
   * join their job, are then published too.
   */
  publishLast(): void;
  /**
   * Waits until the datagrams before `mark` are opened. `Engine.openDatagram` must have got all of
   * them before.
   */
  finishOpening(mark: number): void;
  /** Waits until no datagram is in progress. From then on none is shared. */
  endOpening(): void;
}

export class UdpToTun {
  writtenPackets = 0;
  readonly batches: BatchSizes = new BatchSizes();
  /** Sees the packets while a capture runs. */
  tap: PacketTap | undefined = undefined;
  readonly #engine: Engine;
  readonly #tun: Tun;
  readonly #memory: PacketMemory;
  readonly #drain: () => void;
  readonly #onSuperPacketRefused: (refused: RefusedSuperPacket) => void;
  readonly #coalescer: Coalescer;
  readonly #sink: (
    buffer: Uint8Array,
    offset: number,
    length: number,
    source: Endpoint,
    ecn: number,
  ) => void;
  readonly #threads: OpeningThreads | undefined;
  /** The datagrams of each half of the sockets' memory. */
  readonly #batches = [new ReceivedBatch(), new ReceivedBatch()] as const;
  readonly #collect = this.#batches.map(
    (batch): DatagramSink =>
      (...datagram) =>
        batch.add(...datagram),
  );
  readonly #begin: DatagramSink = (buffer, offset, length) =>
    this.#engine.beginDatagram(buffer, offset, length);
  #sockets: DatagramSocket | undefined = undefined;
  /** Bytes received in the current batch. */
  #bytes = 0;
  /** Whether the descriptors of the sockets are polled. */
  #arePolled = false;
  /** The sockets' drop counters when they were last read. */
  #truncatedSeen = 0;
  #malformedSeen = 0;
  /**
   * The time of the batch. If the field only ever held numbers, V8 would store the bare number, and
   * would allocate a number object for each datagram to pass the time on. Because the field is
   * undefined at first, V8 stores a reference to one number object, which it passes on.
   */
  #now: number | undefined = undefined;
  /** The buffer of the current datagram. Packets in it have space for a vnet header in front. */
  #inbound: Uint8Array | undefined = undefined;

  constructor(options: UdpToTunOptions) {
    const { engine, tun, memory, drain, onSuperPacketRefused, threads } = options;
    this.#threads = threads;
    this.#engine = engine;
    this.#tun = tun;
    this.#memory = memory;
    this.#drain = drain;
    this.#onSuperPacketRefused = onSuperPacketRefused;
    this.#coalescer = new Coalescer({
      buffer: memory.buffer,
      write: (pieces, count, packets) => this.#writePieces(pieces, count, packets),
      // With offloads, checksums are not verified. The tag has just shown that nothing was changed
      // on the way, and a peer that has the key is trusted. The kernel's WireGuard marks such
      // packets as verified too (receive.c). A TUN without offloads gets each packet as it came.
      verifyChecksums: tun.offloads?.tcp !== true && tun.offloads?.udp !== true,
    });
    this.#coalescer.tcp = tun.offloads?.tcp === true;
    this.#coalescer.udp = tun.offloads?.udp === true;
    this.#sink = (buffer, offset, length, source, ecn) =>
      this.#take(buffer, offset, length, source, ecn);
  }

  get sockets(): DatagramSocket | undefined {
    return this.#sockets;
  }

  set sockets(sockets: DatagramSocket | undefined) {
    this.#sockets = sockets;
    this.#arePolled = (sockets?.fds.length ?? 0) > 0;
    this.#truncatedSeen = 0;
    this.#malformedSeen = 0;
  }

  /**
   * Processes batches from the sockets.
   *
   * @param only index of the one socket that is readable
   * @returns whether there may be more datagrams
   */
  receive(now: number, only?: number): boolean {
    const sockets = this.#sockets;
    if (!sockets) return false;
    this.#now = now;
    const most = this.#arePolled ? SHORT_BATCHES : RECEIVE_BATCHES;
    let more = true;
    let received = 0;
    for (let batch = 0; more && batch < most; batch++) {
      this.#bytes = 0;
      const count = this.#receiveBatch(sockets, only);
      received += count;
      this.#coalescer.flush();
      // Poll reports polled sockets again if they have more datagrams. Sockets that are not polled
      // must be read until they are empty. More batches are taken while datagrams are short, so
      // that packets queued behind handshake messages are found soon.
      more = count >= (this.#arePolled ? SHORT_BATCH : 1);
      if (this.#arePolled && this.#bytes > SHORT_BATCH_BYTES) break;
    }
    this.batches.add(received);
    // Packets are written first, because `finishBatch` processes handshake messages, which can take
    // long.
    this.#engine.finishBatch(now);
    this.#drain();
    this.#inbound = undefined;
    this.#countDrops(sockets);
    // The listener of an event may have removed the sockets.
    return more && this.#sockets === sockets;
  }

  /** Writes a packet from any buffer at once. */
  write(packetBuffer: Uint8Array, packetOffset: number, length: number): void {
    let buffer = packetBuffer;
    let offset = packetOffset;
    if (buffer !== this.#inbound || offset < VNET_HEADER_LENGTH) {
      this.#memory.toScratch(buffer, offset, length);
      ({ buffer, scratchOffset: offset } = this.#memory);
    }
    const at = offset - VNET_HEADER_LENGTH;
    clearVnetHeader(buffer, at);
    this.#count(this.#tun.write(buffer, at, length + VNET_HEADER_LENGTH), 1);
  }

  /** Receives one batch. @returns the number of datagrams, including dropped ones */
  #receiveBatch(sockets: DatagramSocket, only: number | undefined): number {
    const threads = this.#threads;
    const isAlone = threads === undefined || threads.running === 1;
    // A tap looks at each message before and after it is opened.
    if (isAlone || this.tap) return sockets.receive(this.#sink, only);
    const count = this.#collectInto(0, sockets, only);
    // The packet loop opens a few datagrams in less time than another thread needs to wake.
    if (this.#batches[0].count >= FEWEST_SHARED) {
      return count + this.#openShared(threads, sockets, only);
    }
    this.#takeAll(0);
    return count;
  }

  /**
   * Processes the first half of the memory together with other threads. While they open one half,
   * the packet loop receives the other one, or writes what was opened before.
   *
   * @returns the number of datagrams that were received here
   */
  #openShared(threads: OpeningThreads, sockets: DatagramSocket, only: number | undefined): number {
    let received = 0;
    threads.beginOpening();
    let mark = this.#publish(0, threads);
    for (let turn = 0; ; turn++) {
      const half = turn & 1;
      const isFull = this.#batches[half]!.count >= FEWEST_SHARED && turn < MOST_HALVES;
      const count = isFull ? this.#collectInto(1 - half, sockets, only) : 0;
      const next = this.#publish(1 - half, threads);
      this.#takeAll(half);
      if (count === 0) break;
      received += count;
      threads.finishOpening(mark);
      mark = next;
    }
    threads.endOpening();
    return received;
  }

  #collectInto(half: number, sockets: DatagramSocket, only: number | undefined): number {
    const sink = this.#collect[half]!;
    if (sockets.receiveHalf) return sockets.receiveHalf(half, sink, only);
    return half === 0 ? sockets.receive(sink, only) : 0;
  }

  /** Lets other threads begin with a half of the memory. @returns the end of its datagrams */
  #publish(half: number, threads: OpeningThreads): number {
    this.#batches[half]!.forEach(this.#begin);
    threads.publishLast();
    return threads.mark;
  }

  /** Processes the datagrams of a half in their order, and writes the packets. */
  #takeAll(half: number): void {
    const batch = this.#batches[half]!;
    batch.forEach(this.#sink);
    batch.clear();
    this.#coalescer.flush();
  }

  #take(buffer: Uint8Array, offset: number, length: number, source: Endpoint, ecn: number): void {
    this.#inbound = buffer;
    this.#bytes += length;
    const now = this.#now as number;
    this.tap?.beforeOpen(buffer, offset, length, source, ecn);
    const opened = this.#engine.openDatagram(buffer, offset, length, source, ecn, now);
    this.tap?.afterOpen(opened);
    // The datagram contains no packet: it was dropped, or it is a keepalive or a handshake message.
    // Output that it causes is sent with the batch.
    if (typeof opened === 'string' || opened === 0) return;
    const packet = offset + TRANSPORT_HEADER_LENGTH;
    if (buffer === this.#memory.buffer) this.#coalescer.add(packet, opened);
    else this.write(buffer, packet, opened);
  }

  #writePieces(pieces: PacketPieces, count: number, packets: number): boolean {
    const { offsets } = pieces;
    const { buffer } = this.#memory;
    const result = this.#writeOne(pieces, count);
    // After a refusal the coalescer writes the same packets one by one. A full queue is not a
    // refusal.
    if (packets > 1 && isSuperPacketRefused(result)) {
      // EIO means that the interface is down. That says nothing about super-packets.
      if (result !== EIO) this.#switchOff(buffer[(offsets[0] ?? 0) + 1] ?? 0, -result);
      return false;
    }
    this.#count(result, packets);
    return true;
  }

  #writeOne({ offsets, lengths }: PacketPieces, count: number): number {
    const tun = this.#tun;
    const { buffer, scratchOffset } = this.#memory;
    if (count === 1) return tun.write(buffer, offsets[0] ?? 0, lengths[0] ?? 0);
    if (tun.writePieces) return tun.writePieces(buffer, offsets, lengths, count);
    const length = this.#memory.join(offsets, lengths, count);
    return tun.write(buffer, scratchOffset - VNET_HEADER_LENGTH, length);
  }

  /** Stops joining packets of a kind. @param gsoType of the super-packet that was refused */
  #switchOff(gsoType: number, errno: number): void {
    const kind = gsoType === GSO_UDP ? 'udp' : 'tcp';
    if (!this.#coalescer[kind]) return;
    this.#coalescer[kind] = false;
    this.#onSuperPacketRefused({ kind, errno });
  }

  #count(result: number, packets: number): void {
    if (result > 0) this.writtenPackets += packets;
    // Would block, link down, or no memory: the packets are lost, as on any link.
    else this.#engine.stats.drops.add('tun-write-failed', packets);
  }

  #countDrops({ counters }: DatagramSocket): void {
    const { drops } = this.#engine.stats;
    const truncated = counters.receiveDroppedTruncated;
    const malformed = counters.receiveDroppedMalformed ?? 0;
    if (truncated > this.#truncatedSeen) {
      drops.add('receive-truncated', truncated - this.#truncatedSeen);
    }
    if (malformed > this.#malformedSeen) {
      drops.add('receive-malformed', malformed - this.#malformedSeen);
    }
    this.#truncatedSeen = truncated;
    this.#malformedSeen = malformed;
  }
}

function isSuperPacketRefused(result: number): boolean {
  return result === EINVAL || result === EMSGSIZE || result === EIO;
}

/** VIRTIO_NET_HDR_GSO_UDP_L4 */
const GSO_UDP = 5;

/** A batch with fewer datagrams is not shared with other threads. */
const FEWEST_SHARED = 8;
/** After the first half and this many more, the other direction gets its turn. */
const MOST_HALVES = 7;
/** The most batches per step from sockets that are not polled. */
const RECEIVE_BATCHES = 4;
/**
 * The most batches per step from sockets that are polled. Another batch is received only if the
 * last one had at least `SHORT_BATCH` datagrams and at most `SHORT_BATCH_BYTES` bytes. Short
 * datagrams cost little, so more of them are taken.
 */
const SHORT_BATCHES = 16;
const SHORT_BATCH = 8;
const SHORT_BATCH_BYTES = 16_384;
/** Bytes in front of the packet in a transport data message. */
const TRANSPORT_HEADER_LENGTH = 16;
/** The interface is down. */
const EIO = -5;
/** Errors of a kernel that refuses all super-packets of a kind, or some of them. */
const EINVAL = -22;
const EMSGSIZE = -90;
