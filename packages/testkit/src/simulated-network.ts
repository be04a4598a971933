/**
 * `SimulatedNetwork`: engines, a clock that jumps from one event to the next, and a network that
 * delays, loses, reorders, repeats and records datagrams. Three simulated minutes take
 * milliseconds, and every run is the same.
 *
 * @module
 */
import { Endpoint, type Engine, type EngineEvent, type PacketRun } from '@litz/core';

/** A datagram as an attacker on the wire sees it. */
export interface CapturedDatagram {
  at: number;
  from: Endpoint;
  to: Endpoint;
  tos: number;
  bytes: Uint8Array;
}

/** A datagram for a node. The node owns the bytes. */
export interface ArrivingDatagram {
  bytes: Uint8Array;
  source: Endpoint;
  /** The low two bits of the datagram's TOS byte. */
  ecn: number;
}

interface Flight extends CapturedDatagram {
  arrivesAt: number;
  /** Keeps datagrams that arrive at the same time in the order in which they were sent. */
  order: number;
}

export class SimulatedNetwork {
  /** The monotonic time of all nodes in ms. */
  now: number;
  /** The delay in one direction in ms. */
  latency = 10;
  readonly nodes: SimulatedNode[] = [];
  /** Records all sent datagrams, also lost ones. */
  readonly eavesdropper: Eavesdropper = new Eavesdropper();
  /** The network loses the datagrams for which this returns true. */
  loses: (datagram: CapturedDatagram) => boolean = () => false;
  /**
   * The size of the batches in which a node gets its input: packets by `handlePackets`, datagrams
   * by `openDatagram`. If undefined, the node gets its input one by one. Default: random sizes if
   * `LITZ_TEST_BATCHES` is `random`.
   */
  batchSize: (() => number) | undefined;
  /**
   * Returns the ECN bits of a datagram on arrival; a test can replace this function to mark
   * datagrams as a router does.
   */
  marks: (ecn: number) => number = (ecn) => ecn;
  #flights: Flight[] = [];
  #sent = 0;
  #toDrop = 0;
  #toDuplicate = 0;
  #toReorder = 0;
  /** Steps since the clock last moved. */
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

  /** Puts bytes on the wire as if `from` had sent them. */
  inject(bytes: Uint8Array, from: Endpoint, to: Endpoint, tos = 0): void {
    this.#launch({ at: this.now, from, to, tos, bytes: bytes.slice() });
  }

  /** Returns the time of the next arrival or deadline; Infinity: there is none. */
  next(): number {
    let next = Infinity;
    for (const flight of this.#flights) next = Math.min(next, flight.arrivesAt);
    for (const node of this.nodes) next = Math.min(next, node.engine.pollTimeout());
    return next;
  }

  /**
   * Moves the clock to the next event and performs that event. Returns false if there is no next
   * event.
   *
   * @throws {Error} the events of one point in time cause new events of that time without end
   */
  step(): boolean {
    const next = this.next();
    if (next === Infinity) return false;
    this.#stepsNow = next > this.now ? 0 : this.#stepsNow + 1;
    if (this.#stepsNow > MOST_STEPS) throw new Error(`the events at ${this.now} ms never end`);
    this.now = Math.max(this.now, next);
    this.#deliver();
    for (const node of this.nodes) {
      if (node.engine.pollTimeout() <= this.now) node.timeout();
    }
    return true;
  }

  /** Performs all events of the next `duration` ms, and moves the clock by that time. */
  drive(duration: number): void {
    const until = this.now + duration;
    while (this.next() <= until) this.step();
    this.now = until;
  }

  /** Steps until `condition` holds. @throws {Error} it does not hold within `limit` simulated ms */
  driveUntil(condition: () => boolean, limit = 600_000): void {
    const end = this.now + limit;
    while (!condition()) {
      if (this.next() > end)
        throw new Error(`the condition did not become true within ${limit} ms`);
      this.step();
    }
  }

  /**
   * Delivers the datagrams on the wire and the answers to them, without running a timer.
   *
   * @throws {Error} the answers never end
   */
  settle(): void {
    for (let steps = 0; this.#flights.length > 0; steps++) {
      if (steps > MOST_STEPS) throw new Error('the answers never end');
      this.now = Math.max(this.now, Math.min(...this.#flights.map((f) => f.arrivesAt)));
      this.#deliver();
    }
  }

  /** Called when a node sends a datagram. */
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
    // Reordered datagrams arrive one after the other, in reverse order.
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

  /** Delivers the next datagram, or a batch of datagrams to the same node. Returns how many. */
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

  /**
   * Returns the same object for the same source, as a socket layer does. The object has the local
   * address.
   */
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

/** Records every datagram that a node sends. */
export class Eavesdropper {
  readonly datagrams: CapturedDatagram[] = [];

  /** Returns the type of each message (the first byte), of all senders or of one. */
  types(from?: SimulatedNode): number[] {
    return this.datagrams
      .filter((datagram) => !from || datagram.from.sameDestination(from.endpoint))
      .map(({ bytes }) => bytes[0] ?? -1);
  }

  /** Returns the datagrams with messages of one type, of all senders or of one. */
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

/** One engine on the network, with its output. */
export class SimulatedNode {
  readonly network: SimulatedNetwork;
  /** The engine of the node. Assign another one to simulate that another process takes over. */
  engine: Engine;
  /** The endpoint of the node; assign another one to let the node roam. */
  endpoint: Endpoint;
  /** How far its wall clock is ahead, in ms; assign another number to let it jump. */
  clockOffset = 0;
  /** Copies of the packets for its interface. */
  readonly packets: Uint8Array[] = [];
  readonly events: EngineEvent[] = [];

  constructor(network: SimulatedNetwork, engine: Engine, endpoint: Endpoint) {
    this.network = network;
    this.engine = engine;
    this.endpoint = endpoint;
  }

  /** Gives the engine an input, then takes all of its output. */
  input<T>(action: (engine: Engine, now: number) => T): T {
    const result = action(this.engine, this.network.now);
    this.#drain();
    return result;
  }

  /** Gives the engine a packet from the interface. */
  send(packet: Uint8Array): ReturnType<Engine['handlePacket']> {
    if (this.network.batchSize) return this.sendRun([packet]);
    return this.input((engine, now) => engine.handlePacket(packet, now));
  }

  /**
   * Gives the engine packets of one flow. All have one length, except the last, which may be
   * shorter.
   */
  sendRun(packets: readonly Uint8Array[]): ReturnType<Engine['handlePacket']> {
    const run = toPacketRun(packets);
    return this.input((engine, now) => {
      const reason = engine.handlePackets(run, now);
      engine.finishBatch(now);
      return reason;
    });
  }

  /** Gives the engine datagrams that a socket returned together. */
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

  /** Returns the events of one type, in order. */
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

/** Copies the packets to a new buffer, with the space around each that `PacketRun` requires. */
export function toPacketRun(packets: readonly Uint8Array[]): PacketRun {
  const length = packets[0]!.length;
  const stride = FREE_SPACE + length + PADDING + FREE_SPACE;
  const buffer = new Uint8Array(packets.length * stride + FREE_SPACE);
  packets.forEach((packet, i) => buffer.set(packet, FREE_SPACE + i * stride));
  const lastLength = packets.at(-1)!.length;
  return { buffer, offset: FREE_SPACE, stride, length, lastLength, count: packets.length };
}

/** Returns sizes from 1 to 8, in the same sequence for each network. */
function randomSizes(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 1 + (state >>> 29);
  };
}

/** The limit of steps at one point in time: more than any test needs. */
const MOST_STEPS = 10_000;
const HEADER_LENGTH = 16;
const PADDING = 16;
const FREE_SPACE = 64;
