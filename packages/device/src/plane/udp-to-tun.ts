/**
 * `UdpToTun`: from the sockets to the TUN.
 *
 * 1. The sockets give a batch: messages of the kernel's, each of up to 64 KiB with many datagrams.
 * 2. The engine gets each datagram and says what becomes of it; a packet in it is opened where it stands.
 * 3. Packets of one flow that follow each other are joined, and written from where they stand, one
 *    write per super-packet.
 *
 * No rule of the protocol stands here. Nothing is allocated per packet.
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
import type { PacketMemory } from './packet-memory.ts';
import type { DatagramSocket, Tun } from './io-interfaces.ts';

/** Socket batches per step. */
const RECEIVE_BATCHES = 4;
/** The same of short datagrams, which cost little: of so many, and so many bytes together, each. */
const SHORT_BATCHES = 16;
const SHORT_BATCH = 8;
const SHORT_BATCH_BYTES = 16_384;
/** In front of the packet in a message. */
const TRANSPORT_HEADER_LENGTH = 16;
/** What a kernel answers that does not take super-packets of a kind, or not all of them. */
const EIO = -5;
const EINVAL = -22;
const EMSGSIZE = -90;

/** Why joining packets of a kind was switched off. */
export type TunRefusal = { readonly kind: 'tcp' | 'udp'; readonly errno: number };

export interface UdpToTunOptions {
  readonly engine: Engine;
  readonly tun: Tun;
  readonly memory: PacketMemory;
  /** Takes everything out of the engine. */
  readonly drain: () => void;
  /** The kernel refused a super-packet: packets of its kind are written one by one from now on. */
  readonly onRefusal: (refusal: TunRefusal) => void;
}

export class UdpToTun {
  writtenPackets = 0;
  readonly #engine: Engine;
  readonly #tun: Tun;
  readonly #memory: PacketMemory;
  readonly #drain: () => void;
  readonly #onRefusal: (refusal: TunRefusal) => void;
  readonly #coalescer: Coalescer;
  readonly #sink: (
    buffer: Uint8Array,
    offset: number,
    length: number,
    source: Endpoint,
    ecn: number,
  ) => void;
  #sockets: DatagramSocket | undefined = undefined;
  /** Received in this batch. */
  #bytes = 0;
  /** Their descriptors are polled. */
  #arePolled = false;
  /** What the sockets had dropped when it was last counted. */
  #truncatedSeen = 0;
  #malformedSeen = 0;
  /**
   * The time of the batch. Not a number at first, so that it is kept as a reference: a field of numbers
   * only would make a new object each time it is passed on, once per datagram.
   */
  #now: number | undefined = undefined;
  /** The buffer of the datagram that is being opened: packets in it have room in front. */
  #inbound: Uint8Array | undefined = undefined;

  constructor({ engine, tun, memory, drain, onRefusal }: UdpToTunOptions) {
    this.#engine = engine;
    this.#tun = tun;
    this.#memory = memory;
    this.#drain = drain;
    this.#onRefusal = onRefusal;
    this.#coalescer = new Coalescer({
      buffer: memory.buffer,
      write: (pieces, count, packets) => this.#writePieces(pieces, count, packets),
      // Whoever has the key is believed: the tag has just shown that nothing was changed on the way,
      // and the kernel's WireGuard marks such packets as verified too (receive.c). A TUN without
      // offloads gets every packet as it came.
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
   * Batches from the sockets in.
   *
   * @param only index of the one socket that has something
   * @returns whether there may be more
   */
  receive(now: number, only?: number): boolean {
    const sockets = this.#sockets;
    if (!sockets) return false;
    this.#now = now;
    const most = this.#arePolled ? SHORT_BATCHES : RECEIVE_BATCHES;
    let more = true;
    for (let batch = 0; more && batch < most; batch++) {
      this.#bytes = 0;
      const count = sockets.receive(this.#sink, only);
      this.#coalescer.flush();
      // Sockets that are polled say so if there is more; the others must be read until empty. Of short
      // datagrams more are taken, so that packets behind handshake messages are found soon.
      more = count >= (this.#arePolled ? SHORT_BATCH : 1);
      if (this.#arePolled && this.#bytes > SHORT_BATCH_BYTES) break;
    }
    // Packets first: `finishBatch` works on handshake messages, which may take its time.
    this.#engine.finishBatch(now);
    this.#drain();
    this.#inbound = undefined;
    this.#countDrops(sockets);
    // An event's listener may have taken the sockets away.
    return more && this.#sockets === sockets;
  }

  /** A packet that stands anywhere, at once. */
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

  #take(buffer: Uint8Array, offset: number, length: number, source: Endpoint, ecn: number): void {
    this.#inbound = buffer;
    this.#bytes += length;
    const now = this.#now as number;
    const opened = this.#engine.openDatagram(buffer, offset, length, source, ecn, now);
    // Dropped, a keepalive, or a handshake message: what it leads to goes out with the batch.
    if (typeof opened === 'string' || opened === 0) return;
    const packet = offset + TRANSPORT_HEADER_LENGTH;
    if (buffer === this.#memory.buffer) this.#coalescer.add(packet, opened);
    else this.write(buffer, packet, opened);
  }

  #writePieces({ offsets, lengths }: PacketPieces, count: number, packets: number): boolean {
    const { buffer } = this.#memory;
    const tun = this.#tun;
    const result =
      count === 1 || !tun.writePieces
        ? tun.write(buffer, offsets[0] ?? 0, lengths[0] ?? 0)
        : tun.writePieces(buffer, offsets, lengths, count);
    // A super-packet that is refused comes again, one by one. That a queue is full is no refusal.
    if (packets > 1 && isRefusal(result)) {
      // EIO: the interface is down, which says nothing about super-packets.
      if (result !== EIO) this.#switchOff(buffer[(offsets[0] ?? 0) + 1] ?? 0, -result);
      return false;
    }
    this.#count(result, packets);
    return true;
  }

  /** @param gsoType of the super-packet that was refused */
  #switchOff(gsoType: number, errno: number): void {
    const kind = gsoType === GSO_UDP ? 'udp' : 'tcp';
    if (!this.#coalescer[kind]) return;
    this.#coalescer[kind] = false;
    this.#onRefusal({ kind, errno });
  }

  #count(result: number, packets: number): void {
    if (result > 0) this.writtenPackets += packets;
    // Would block, link down, no memory: lost packets, as on any link.
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

/** VIRTIO_NET_HDR_GSO_UDP_L4 */
const GSO_UDP = 5;

function isRefusal(result: number): boolean {
  return result === EINVAL || result === EMSGSIZE || result === EIO;
}
