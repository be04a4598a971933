/**
 * `SimulatedNetwork`: engines, a clock that jumps from one thing that happens to the next, and a
 * network between them that delays, loses, reorders, repeats and listens. Three minutes take
 * milliseconds, and every run is the same.
 *
 * @module
 */
import { Endpoint, type Engine, type EngineEvent, type PacketRun } from '@litz/core';

/** A datagram as somebody on the wire sees it. */
export interface CapturedDatagram {
  at: number;
  from: Endpoint;
  to: Endpoint;
  tos: number;
  bytes: Uint8Array;
}

/** A datagram for a node, which owns its bytes. */
export interface ArrivingDatagram {
  bytes: Uint8Array;
  source: Endpoint;
  /** The low two bits of its TOS byte. */
  ecn: number;
}

interface Flight extends CapturedDatagram {
  arrivesAt: number;
  /** Keeps what arrives together in the order in which it left. */
  order: number;
}

export class SimulatedNetwork {
  /** Monotonic milliseconds of everybody. */
  now: number;
  /** One way, milliseconds. */
  latency = 10;
  readonly nodes: SimulatedNode[] = [];
  /** Everything that was sent, lost or not. */
  readonly eavesdropper: Eavesdropper = new Eavesdropper();
  /** Loses what it says yes to. */
  loses: (datagram: CapturedDatagram) => boolean = () => false;
  /**
   * What a node gets at one time it gets in batches of this many: packets by `handlePackets`, datagrams by
   * `openDatagram`. undefined: each by itself. Default: as `LITZ_TEST_BATCHES=random` says.
   */
  batchSize: (() => number) | undefined;
  /** ECN bits of a datagram on arrival, for routers on the way that mark. */
  marks: (ecn: number) => number = (ecn) => ecn;
  #flights: Flight[] = [];
  #sent = 0;
  #toDrop = 0;
  #toDuplicate = 0;
  #toReorder = 0;
  /** Since the clock moved last. */
  #stepsNow = 0;
  readonly #sources = new Map<string, Endpoint>();

  constructor(options: { now?: number; latency?: number } = {}) {
    this.now = options.now ?? 1_000_000;
    this.latency = options.latency ?? 10;
    this.batchSize = process.env['LITZ_TEST_BATCHES'] === 'random' ? randomSizes() : undefined;
  }

  add(engine: Engine, endpoint: Endpoint): SimulatedNode {
    const node = new SimulatedNode(this, engine, endpoint);
    this.nodes.push(node);
    return node;
  }

  /** Loses the next `count` datagrams. */
  drop(count: number): void {
    this.#toDrop = count;
  }

  /** Delivers the next `count` datagrams twice. */
  duplicate(count = 1): void {
    this.#toDuplicate = count;
  }

  /** Delivers the next `count` datagrams in reverse order. */
  reorder(count = 2): void {
    this.#toReorder = count;
  }

  /** Puts bytes on the wire as if they came from `from`, whoever that is. */
  inject(bytes: Uint8Array, from: Endpoint, to: Endpoint, tos = 0): void {
    this.#launch({ at: this.now, from, to, tos, bytes: bytes.slice() });
  }

  /** Time of the next arrival or deadline. */
  next(): number {
    let next = Infinity;
    for (const flight of this.#flights) next = Math.min(next, flight.arrivesAt);
    for (const node of this.nodes) next = Math.min(next, node.engine.pollTimeout());
    return next;
  }

  /**
   * Moves the clock to the next thing that happens and lets it happen. False: nothing ever will.
   *
   * @throws {Error} things go on happening at one time, without an end
   */
  step(): boolean {
    const next = this.next();
    if (next === Infinity) return false;
    this.#stepsNow = next > this.now ? 0 : this.#stepsNow + 1;
    if (this.#stepsNow > MOST_STEPS) throw new Error(`no end of what happens at ${this.now}`);
    this.now = Math.max(this.now, next);
    this.#deliver();
    for (const node of this.nodes) {
      if (node.engine.pollTimeout() <= this.now) node.timeout();
    }
    return true;
  }

  /** Lets everything happen that happens within `duration` milliseconds; then that time has passed. */
  drive(duration: number): void {
    const until = this.now + duration;
    while (this.next() <= until) this.step();
    this.now = until;
  }

  /** Steps until `condition` holds. Fails after `limit` milliseconds of simulated time. */
  driveUntil(condition: () => boolean, limit = 600_000): void {
    const end = this.now + limit;
    while (!condition()) {
      if (this.next() > end) throw new Error(`did not happen within ${limit} ms`);
      this.step();
    }
  }

  /**
   * Lets what is on the wire arrive, and the answers to it, but no timer run.
   *
   * @throws {Error} there is no end of answers
   */
  settle(): void {
    for (let steps = 0; this.#flights.length > 0; steps++) {
      if (steps > MOST_STEPS) throw new Error('no end of answers');
      this.now = Math.max(this.now, Math.min(...this.#flights.map((f) => f.arrivesAt)));
      this.#deliver();
    }
  }

  /** A datagram leaves a node. */
  transmit(datagram: CapturedDatagram): void {
    this.eavesdropper.datagrams.push(datagram);
    if (this.#toDrop > 0) {
      this.#toDrop--;
      return;
    }
    if (this.loses(datagram)) return;
    this.#launch(datagram);
    if (this.#toDuplicate > 0) {
      this.#toDuplicate--;
      this.#launch(datagram);
    }
  }

  #launch(datagram: CapturedDatagram): void {
    const order = this.#toReorder > 0 ? -this.#toReorder-- : 0;
    // What is reordered arrives after what it should have come before, one behind the other.
    const late = order === 0 ? 0 : -order;
    const arrivesAt = this.now + this.latency + late;
    this.#flights.push({ ...datagram, arrivesAt, order: this.#sent++ });
  }

  #deliver(): void {
    const arriving = this.#flights.filter((flight) => flight.arrivesAt <= this.now);
    this.#flights = this.#flights.filter((flight) => flight.arrivesAt > this.now);
    arriving.sort((a, b) => a.arrivesAt - b.arrivesAt || a.order - b.order);
    for (let i = 0; i < arriving.length;) i += this.#deliverFrom(arriving, i);
  }

  /** Delivers the next flight, or in a batch those behind it to the same node. @returns how many */
  #deliverFrom(arriving: readonly Flight[], first: number): number {
    const nodeOf = (flight: Flight | undefined): SimulatedNode | undefined =>
      flight && this.nodes.find(({ endpoint }) => endpoint.sameDestination(flight.to));
    const node = nodeOf(arriving[first]);
    if (!node) return 1;
    const datagrams: ArrivingDatagram[] = [];
    const size = this.batchSize?.() ?? 1;
    while (datagrams.length < size && nodeOf(arriving[first + datagrams.length]) === node) {
      const flight = arriving[first + datagrams.length]!;
      const source = this.#sourceOf(flight);
      datagrams.push({ bytes: flight.bytes.slice(), source, ecn: this.marks(flight.tos & 3) });
    }
    if (this.batchSize) node.receiveBatch(datagrams);
    else for (const { bytes, source, ecn } of datagrams) node.receive(bytes, source, ecn);
    return datagrams.length;
  }

  /** As a socket layer has it: the same object for the same source, with the address it came to. */
  #sourceOf({ from, to }: Flight): Endpoint {
    const key = `${from.address.join('.')} ${from.port} ${to.address.join('.')}`;
    let source = this.#sources.get(key);
    if (!source) {
      source = new Endpoint(from.address, from.port, { sourceAddress: to.address });
      this.#sources.set(key, source);
    }
    return source;
  }
}

/** Somebody who sees every datagram. */
export class Eavesdropper {
  readonly datagrams: CapturedDatagram[] = [];

  /** First byte of each datagram, that is the type of each message, of all or of one sender. */
  types(from?: SimulatedNode): number[] {
    return this.datagrams
      .filter((datagram) => !from || datagram.from.sameDestination(from.endpoint))
      .map(({ bytes }) => bytes[0] ?? -1);
  }

  /** Datagrams with messages of one type, of all or of one sender. */
  of(type: number, from?: SimulatedNode): CapturedDatagram[] {
    return this.datagrams.filter(
      (datagram) =>
        datagram.bytes[0] === type && (!from || datagram.from.sameDestination(from.endpoint)),
    );
  }

  forget(): void {
    this.datagrams.length = 0;
  }
}

/** One engine on the network, with what came out of it. */
export class SimulatedNode {
  readonly network: SimulatedNetwork;
  readonly engine: Engine;
  /** Where it is; assign another to let it move. */
  endpoint: Endpoint;
  /** Packets for its interface, copied. */
  readonly packets: Uint8Array[] = [];
  readonly events: EngineEvent[] = [];

  constructor(network: SimulatedNetwork, engine: Engine, endpoint: Endpoint) {
    this.network = network;
    this.engine = engine;
    this.endpoint = endpoint;
  }

  /** Any input to the engine, followed by what has to follow: everything is taken out of it. */
  input<T>(action: (engine: Engine, now: number) => T): T {
    const result = action(this.engine, this.network.now);
    this.#drain();
    return result;
  }

  /** A packet from the interface. */
  send(packet: Uint8Array): ReturnType<Engine['handlePacket']> {
    if (this.network.batchSize) return this.sendRun([packet]);
    return this.input((engine, now) => engine.handlePacket(packet, now));
  }

  /** Packets of one flow, all of one length but for the last, which may be shorter. */
  sendRun(packets: readonly Uint8Array[]): ReturnType<Engine['handlePacket']> {
    const run = layRun(packets);
    return this.input((engine, now) => {
      const reason = engine.handlePackets(run, now);
      engine.finishBatch(now);
      return reason;
    });
  }

  /** Datagrams that a socket gave at once. */
  receiveBatch(datagrams: readonly ArrivingDatagram[]): void {
    this.input((engine, now) => {
      for (const { bytes, source, ecn } of datagrams) {
        const opened = engine.openDatagram(bytes, 0, bytes.length, source, ecn, now);
        if (typeof opened === 'number' && opened > 0) {
          this.packets.push(bytes.slice(HEADER_LENGTH, HEADER_LENGTH + opened));
        }
      }
      engine.finishBatch(now);
    });
  }

  receive(bytes: Uint8Array, source: Endpoint, ecn = 0): ReturnType<Engine['handleDatagram']> {
    return this.input((engine, now) => engine.handleDatagram(bytes, source, now, ecn));
  }

  timeout(): void {
    this.input((engine, now) => engine.handleTimeout(now));
  }

  /** Events of one type, in order. */
  eventsOf<T extends EngineEvent['type']>(type: T): Extract<EngineEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<EngineEvent, { type: T }> => {
      return event.type === type;
    });
  }

  #drain(): void {
    const { engine, network } = this;
    for (let t = engine.pollTransmit(); t; t = engine.pollTransmit()) {
      for (let i = 0; i < t.count; i++) {
        network.transmit({
          at: network.now,
          from: this.endpoint,
          to: t.destination,
          tos: t.tos,
          bytes: t.datagramAt(i).slice(),
        });
      }
    }
    for (let p = engine.pollPacket(); p; p = engine.pollPacket()) {
      this.packets.push(p.packet.slice());
    }
    for (let e = engine.pollEvent(); e; e = engine.pollEvent()) this.events.push(e);
  }
}

/** The packets in a buffer of their own, with the room around each that `PacketRun` asks for. */
export function layRun(packets: readonly Uint8Array[]): PacketRun {
  const length = packets[0]!.length;
  const stride = ROOM + length + PADDING + ROOM;
  const buffer = new Uint8Array(packets.length * stride + ROOM);
  packets.forEach((packet, i) => buffer.set(packet, ROOM + i * stride));
  const lastLength = packets.at(-1)!.length;
  return { buffer, offset: ROOM, stride, length, lastLength, count: packets.length };
}

/** 1 to 8, the same sequence in each network. */
function randomSizes(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 1 + (state >>> 29);
  };
}

/** More than any test needs: of what has no end. */
const MOST_STEPS = 10_000;
const HEADER_LENGTH = 16;
const PADDING = 16;
const ROOM = 64;
