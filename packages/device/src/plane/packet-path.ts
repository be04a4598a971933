/**
 * `PacketPath`: moves packets between TUN, engine and sockets, one batch per call. It never waits;
 * a driver calls it when there is something to do.
 *
 * `tun-to-udp.ts` moves packets from the TUN to the sockets. `udp-to-tun.ts` moves packets from the
 * sockets to the TUN. Neither direction allocates per packet. Each direction has one writer, so
 * packets leave in the order in which they came.
 *
 * @module
 */
import type { Engine, EngineEvent, PacketView, Transmit } from '@litz/core';
import type { ByteOperations } from '@litz/tun/offload';
import type { BatchSizes } from './batch-sizes.ts';
import { UdpToTun, type OpeningThreads, type RefusedSuperPacket } from './udp-to-tun.ts';
import type { SealingThreads } from './sealing-runs.ts';
import { TunToUdp } from './tun-to-udp.ts';
import type { PacketMemory } from './packet-memory.ts';
import type { DatagramSocket, Tun } from './io-interfaces.ts';
import type { PacketTap } from './packet-tap.ts';

export interface PacketPathOptions {
  readonly engine: Engine;
  readonly tun: Tun;
  readonly memory: PacketMemory;
  /** Copy and checksum operations on `memory.buffer`. Default: in JavaScript. */
  readonly bytes?: ByteOperations | undefined;
  /** Threads that help the calling thread to seal and open. Default: none. */
  readonly threads?: (SealingThreads & OpeningThreads) | undefined;
  readonly onEvent: (event: EngineEvent) => void;
  /**
   * Called when the TUN refused a kind of super-packet. After that, Litz makes no more
   * super-packets of that kind.
   */
  readonly onSuperPacketRefused?: (refused: RefusedSuperPacket) => void;
}

export class PacketPath {
  readonly #engine: Engine;
  readonly #memory: PacketMemory;
  readonly #onEvent: (event: EngineEvent) => void;
  readonly #outbound: TunToUdp;
  readonly #inbound: UdpToTun;
  #tap: PacketTap | undefined = undefined;

  constructor({
    engine,
    tun,
    memory,
    bytes,
    threads,
    onEvent,
    onSuperPacketRefused = () => {},
  }: PacketPathOptions) {
    this.#engine = engine;
    this.#memory = memory;
    this.#onEvent = onEvent;
    const drain = (): void => this.drain();
    this.#outbound = new TunToUdp({ engine, tun, memory, bytes, drain, threads });
    this.#inbound = new UdpToTun({ engine, tun, memory, drain, onSuperPacketRefused, threads });
  }

  get readPackets(): number {
    return this.#outbound.readPackets;
  }

  get writtenPackets(): number {
    return this.#inbound.writtenPackets;
  }

  /** The bytes of all messages that were sent and received so far. */
  get carriedBytes(): number {
    const { sentBytes, receivedBytes } = this.#engine.stats;
    return sentBytes + receivedBytes;
  }

  /** The sizes of the batches of each direction. */
  get batches(): { readonly sent: BatchSizes; readonly received: BatchSizes } {
    return { sent: this.#outbound.batches, received: this.#inbound.batches };
  }

  /** The current sockets; undefined while the link is down. */
  get sockets(): DatagramSocket | undefined {
    return this.#inbound.sockets;
  }

  set sockets(sockets: DatagramSocket | undefined) {
    this.#inbound.sockets = sockets;
    this.#outbound.sockets = sockets;
  }

  /** The tap that sees all packets and datagrams; undefined while no capture runs. */
  get tap(): PacketTap | undefined {
    return this.#tap;
  }

  set tap(tap: PacketTap | undefined) {
    this.#tap = tap;
    this.#inbound.tap = tap;
    this.#outbound.tap = tap;
  }

  /** Whether the TUN reported that it no longer exists. */
  get isTunGone(): boolean {
    return this.#outbound.isTunGone;
  }

  /** Processes one batch in each direction. @returns whether there may be more to do at once */
  step(now: number): boolean {
    const isPaused = this.tunPausedUntil !== Infinity && now < this.tunPausedUntil;
    const morePackets = !isPaused && this.readTun(now);
    const moreDatagrams = this.receive(now);
    return morePackets || moreDatagrams;
  }

  /**
   * After failed reads: when to read the TUN again, in ms of the clock. Until then, the TUN is not
   * read, even if poll reports packets. Infinity: reads did not fail.
   */
  get tunPausedUntil(): number {
    return this.#outbound.pausedUntil;
  }

  /** Processes one batch from the TUN. @returns whether there may be more packets */
  readTun(now: number): boolean {
    return this.#outbound.read(now);
  }

  /**
   * Processes batches from the sockets, or from the socket at index `only`.
   *
   * @returns whether there may be more datagrams
   */
  receive(now: number, only?: number): boolean {
    return this.#inbound.receive(now, only);
  }

  /** Handles deadlines of the engine that have passed. */
  handleTimeout(now: number): void {
    if (this.#engine.pollTimeout() > now) return;
    this.#engine.handleTimeout(now);
    this.drain();
  }

  /** Takes all output of the engine. Must be called after each input. */
  drain(): void {
    const engine = this.#engine;
    let borrowed = false;
    let transmit: Transmit | undefined;
    while ((transmit = engine.pollTransmit())) {
      if (this.sockets) this.#tap?.transmit(transmit);
      this.#outbound.send(transmit);
      borrowed ||= transmit.buffer !== this.#memory.buffer;
    }
    // The engine's own bytes are valid only until its next input, so they are sent now.
    if (borrowed) this.flush();
    let packet: PacketView | undefined;
    while ((packet = engine.pollPacket())) {
      this.#tap?.made(packet.buffer, packet.offset, packet.length);
      this.#inbound.write(packet.buffer, packet.offset, packet.length);
    }
    let event: EngineEvent | undefined;
    while ((event = engine.pollEvent())) this.#onEvent(event);
  }

  /** Sends the queued datagrams. After that, all outbound memory is free. */
  flush(): void {
    this.#outbound.flush();
  }
}
