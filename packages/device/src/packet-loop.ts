/**
 * `PacketLoop`: one batch step between TUN, engine and sockets. It waits for nothing: a driver calls it
 * when there is something to do.
 *
 * Out: up to 64 packets are read one behind the other, each is sealed where it stands and queued; then
 * the sockets send the queue. In: the sockets' batches, each datagram opened where it stands and
 * written to the TUN from there. Neither allocates per packet.
 *
 * One writer per direction: the order of packets inside the tunnel is the order they came in.
 *
 * @module
 */
import type { Endpoint, Engine, EngineEvent, PacketView, Transmit } from '@litz/core';
import { clearVnetHeader, MAX_PACKET_LENGTH, type PacketMemory } from './packet-memory.ts';
import { VNET_HEADER_LENGTH, type DatagramSocket, type Tun } from './ports.ts';

/** Packets per direction before the other one has its turn. */
const BATCH = 64;
/** Socket batches per step. */
const RECEIVE_BATCHES = 4;
/** virtio_net.h: VIRTIO_NET_HDR_F_NEEDS_CSUM */
const NEEDS_CHECKSUM = 1;

export interface PacketLoopOptions {
  readonly engine: Engine;
  readonly tun: Tun;
  readonly memory: PacketMemory;
  readonly onEvent: (event: EngineEvent) => void;
}

export class PacketLoop {
  readPackets = 0;
  writtenPackets = 0;
  readonly #engine: Engine;
  readonly #tun: Tun;
  readonly #memory: PacketMemory;
  readonly #onEvent: (event: EngineEvent) => void;
  readonly #sink: (
    buffer: Uint8Array,
    offset: number,
    length: number,
    source: Endpoint,
    ecn: number,
  ) => void;
  #sockets: DatagramSocket | undefined = undefined;
  /** Their descriptors are polled. */
  #arePolled = false;
  #gone = false;
  /**
   * The time of the batch. Not a number at first, so that it is kept as a reference: a field of numbers
   * only would make a new object each time it is passed on, once per datagram.
   */
  #now: number | undefined = undefined;
  /** The buffer of the datagram that is being opened: packets in it have room in front. */
  #inbound: Uint8Array | undefined = undefined;
  #truncatedSeen = 0;

  constructor({ engine, tun, memory, onEvent }: PacketLoopOptions) {
    this.#engine = engine;
    this.#tun = tun;
    this.#memory = memory;
    this.#onEvent = onEvent;
    this.#sink = (buffer, offset, length, source, ecn) => {
      this.#inbound = buffer;
      engine.handleDatagramAt(buffer, offset, length, source, ecn, this.#now as number);
      this.drain();
    };
  }

  /** Undefined while the link is down. */
  get sockets(): DatagramSocket | undefined {
    return this.#sockets;
  }

  set sockets(sockets: DatagramSocket | undefined) {
    this.#sockets = sockets;
    this.#arePolled = (sockets?.fds.length ?? 0) > 0;
    this.#truncatedSeen = 0;
  }

  /** The TUN said that it exists no more. */
  get gone(): boolean {
    return this.#gone;
  }

  /** One batch in each direction. @returns whether there may be more to do at once */
  step(now: number): boolean {
    const morePackets = this.readTun(now);
    const moreDatagrams = this.receive(now);
    return morePackets || moreDatagrams;
  }

  /** A batch from the TUN out. @returns whether there may be more */
  readTun(now: number): boolean {
    let count = 0;
    while (count < BATCH) {
      const at = this.#memory.nextPacket();
      if (at < 0) break;
      const { buffer } = this.#memory;
      const header = at - VNET_HEADER_LENGTH;
      const length = this.#tun.read(buffer, header, MAX_PACKET_LENGTH + VNET_HEADER_LENGTH);
      if (length <= 0) {
        this.#gone ||= length < 0;
        this.flush();
        return false;
      }
      this.#send(at, length - VNET_HEADER_LENGTH, now);
      count++;
    }
    this.flush();
    return true;
  }

  /** Batches from the sockets in. @returns whether there may be more */
  receive(now: number): boolean {
    const sockets = this.#sockets;
    if (!sockets) return false;
    this.#now = now;
    for (let batch = 0; batch < RECEIVE_BATCHES; batch++) {
      const count = sockets.receive(this.#sink);
      this.#inbound = undefined;
      this.#countTruncated(sockets);
      // An event's listener may have taken the sockets away.
      if (count === 0 || this.#sockets !== sockets) return false;
      // Sockets that are polled say so if there is more; the others must be read until empty.
      if (count < BATCH && this.#arePolled) return false;
    }
    return true;
  }

  /** Does what is due. */
  handleTimeout(now: number): void {
    if (this.#engine.pollTimeout() > now) return;
    this.#engine.handleTimeout(now);
    this.drain();
  }

  /** Takes everything out of the engine; to be called after each input. */
  drain(): void {
    const engine = this.#engine;
    let borrowed = false;
    let transmit: Transmit | undefined;
    while ((transmit = engine.pollTransmit())) {
      const { buffer, offset, length, destination, tos } = transmit;
      this.#sockets?.send(buffer, offset, length, destination, tos);
      borrowed ||= buffer !== this.#memory.buffer;
    }
    // Bytes of the engine's own are valid only until its next input.
    if (borrowed) this.flush();
    let packet: PacketView | undefined;
    while ((packet = engine.pollPacket())) this.#write(packet);
    let event: EngineEvent | undefined;
    while ((event = engine.pollEvent())) this.#onEvent(event);
  }

  /** Sends what is queued, and has all outbound memory again. */
  flush(): void {
    this.#sockets?.flush();
    this.#memory.clear();
  }

  #send(at: number, length: number, now: number): void {
    const { buffer } = this.#memory;
    this.readPackets++;
    if (length <= 0 || needsOffload(buffer, at - VNET_HEADER_LENGTH)) {
      this.#engine.stats.drops.add('tun-malformed');
      return;
    }
    this.#engine.handlePacketAt(buffer, at, length, now);
    // Before the transmits are taken: a flush among them makes the room free again.
    this.#memory.keep(length);
    this.drain();
  }

  #write(packet: PacketView): void {
    const { length } = packet;
    let { buffer, offset } = packet;
    if (buffer !== this.#inbound || offset < VNET_HEADER_LENGTH) {
      this.#memory.toScratch(buffer, offset, length);
      ({ buffer, scratchOffset: offset } = this.#memory);
    }
    clearVnetHeader(buffer, offset);
    const written = this.#tun.write(
      buffer,
      offset - VNET_HEADER_LENGTH,
      length + VNET_HEADER_LENGTH,
    );
    if (written > 0) this.writtenPackets++;
    // Would block, link down, no memory: a lost packet, as on any link.
    else this.#engine.stats.drops.add('tun-write-failed');
  }

  #countTruncated({ counters }: DatagramSocket): void {
    const seen = counters.receiveDroppedTruncated;
    if (seen === this.#truncatedSeen) return;
    this.#engine.stats.drops.add('receive-truncated', seen - this.#truncatedSeen);
    this.#truncatedSeen = seen;
  }
}

/** A super-packet, or a checksum left to us: nobody asked for that. The header's other flags may be set. */
function needsOffload(buffer: Uint8Array, header: number): boolean {
  return ((buffer[header] ?? 0) & NEEDS_CHECKSUM) !== 0 || buffer[header + 1] !== 0;
}
