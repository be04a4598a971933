/**
 * `PacketPath`: one batch step between TUN, engine and sockets. It waits for nothing: a driver calls it
 * when there is something to do.
 *
 * `tun-to-udp.ts` is the way from the TUN to the sockets, `udp-to-tun.ts` the way back; neither allocates
 * per packet. One writer per direction: the order of packets inside the tunnel is the order they came
 * in.
 *
 * @module
 */
import type { Engine, EngineEvent, PacketView, Transmit } from '@litz/core';
import type { ByteOperations } from '@litz/tun/offload';
import { UdpToTun, type TunRefusal } from './udp-to-tun.ts';
import { TunToUdp } from './tun-to-udp.ts';
import type { PacketMemory } from './packet-memory.ts';
import type { DatagramSocket, Tun } from './io-interfaces.ts';

export interface PacketPathOptions {
  readonly engine: Engine;
  readonly tun: Tun;
  readonly memory: PacketMemory;
  /** On `memory.buffer`; default: in JavaScript. */
  readonly bytes?: ByteOperations | undefined;
  readonly onEvent: (event: EngineEvent) => void;
  /** The TUN does not take super-packets of a kind; they are not made any more. */
  readonly onRefusal?: (refusal: TunRefusal) => void;
}

export class PacketPath {
  readonly #engine: Engine;
  readonly #memory: PacketMemory;
  readonly #onEvent: (event: EngineEvent) => void;
  readonly #outbound: TunToUdp;
  readonly #inbound: UdpToTun;

  constructor({ engine, tun, memory, bytes, onEvent, onRefusal = () => {} }: PacketPathOptions) {
    this.#engine = engine;
    this.#memory = memory;
    this.#onEvent = onEvent;
    const drain = (): void => this.drain();
    this.#outbound = new TunToUdp({ engine, tun, memory, bytes, drain });
    this.#inbound = new UdpToTun({ engine, tun, memory, drain, onRefusal });
  }

  get readPackets(): number {
    return this.#outbound.readPackets;
  }

  get writtenPackets(): number {
    return this.#inbound.writtenPackets;
  }

  /** Undefined while the link is down. */
  get sockets(): DatagramSocket | undefined {
    return this.#inbound.sockets;
  }

  set sockets(sockets: DatagramSocket | undefined) {
    this.#inbound.sockets = sockets;
    this.#outbound.sockets = sockets;
  }

  /** The TUN said that it exists no more. */
  get gone(): boolean {
    return this.#outbound.gone;
  }

  /** One batch in each direction. @returns whether there may be more to do at once */
  step(now: number): boolean {
    const rests = this.tunRestsUntil !== Infinity && now < this.tunRestsUntil;
    const morePackets = !rests && this.readTun(now);
    const moreDatagrams = this.receive(now);
    return morePackets || moreDatagrams;
  }

  /** When the TUN is to be read although it did not say so, and not before; Infinity: when it says. */
  get tunRestsUntil(): number {
    return this.#outbound.restsUntil;
  }

  /** A batch from the TUN out. @returns whether there may be more */
  readTun(now: number): boolean {
    return this.#outbound.read(now);
  }

  /** Batches from the sockets, or `only` from one of them, in. @returns whether there may be more */
  receive(now: number, only?: number): boolean {
    return this.#inbound.receive(now, only);
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
      this.sockets?.sendRun(transmit);
      borrowed ||= transmit.buffer !== this.#memory.buffer;
    }
    // Bytes of the engine's own are valid only until its next input.
    if (borrowed) this.flush();
    let packet: PacketView | undefined;
    while ((packet = engine.pollPacket())) {
      this.#inbound.write(packet.buffer, packet.offset, packet.length);
    }
    let event: EngineEvent | undefined;
    while ((event = engine.pollEvent())) this.#onEvent(event);
  }

  /** Sends what is queued, and has all outbound memory again. */
  flush(): void {
    this.#outbound.flush();
  }
}
