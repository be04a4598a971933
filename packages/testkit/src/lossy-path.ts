/**
 * `LossyPath`: a path between two hosts that delays, loses, reorders, repeats, corrupts and marks
 * packets. A seed determines what happens to each packet. The path has no clock: its user passes
 * the time.
 *
 * @module
 */
import { seededRandom } from './seeded-random.ts';

export interface PathOptions {
  seed?: number;
  /** The delay of each packet in ms. Default 0. */
  latency?: number;
  /**
   * The largest random delay in ms. If it is longer than the time between two packets, it may
   * reorder them.
   */
  jitter?: number;
  /** The share of packets that are lost, 0 to 1. */
  loss?: number;
  /** The share of packets that arrive twice. */
  duplicates?: number;
  /** The share of packets in which one bit is changed. */
  corruption?: number;
  /** The share of packets that arrive `reorderBy` ms later. Default of `reorderBy`: 5. */
  reordering?: number;
  reorderBy?: number;
  /** Bytes per ms; default: no limit. */
  rate?: number;
  /**
   * How many bytes may wait if packets come faster than `rate`. When more bytes wait, packets are
   * lost.
   */
  queue?: number;
  /** Packets longer than this are lost without an error. */
  blackHole?: number;
  /**
   * The share of packets that are marked as congested (ECN, RFC 3168), if their sender supports
   * ECN.
   */
  marks?: number;
}

/** A packet on its way to host 0 or 1. */
export interface Flight {
  /** The time of its arrival, in ms. */
  readonly at: number;
  readonly to: 0 | 1;
  readonly packet: Uint8Array;
}

export class LossyPath {
  /** The options may change at any time. */
  options: PathOptions;
  /** Packets that were put on the path, including those that were lost. */
  sent = 0;
  lost = 0;
  readonly random: () => number;
  /**
   * A heap, ordered by the time of arrival. Packets with the same time arrive in the order in which
   * they were put on the path.
   */
  readonly #flights: (Flight & { order: number })[] = [];
  readonly #freeAt: [number, number] = [0, 0];

  constructor(options: PathOptions = {}) {
    this.options = options;
    this.random = seededRandom(options.seed ?? 1);
  }

  /** The time at which the next packet arrives; Infinity: none is on the way. */
  get deadline(): number {
    return this.#flights[0]?.at ?? Infinity;
  }

  /** Puts a packet on the path. The path keeps the bytes, and may change them. */
  put(to: 0 | 1, packet: Uint8Array, now: number): void {
    const { latency = 0, jitter = 0, loss, duplicates, marks, reordering } = this.options;
    const { blackHole = Infinity, reorderBy = 5 } = this.options;
    this.sent++;
    const isMarkable = ((packet[0]! >>> 4 === 4 ? packet[1]! : packet[1]! >>> 4) & 3) > 0;
    const isMarked = this.#happens(marks) && isMarkable;
    const departs = packet.length > blackHole ? undefined : this.#departure(to, packet.length, now);
    if (departs === undefined || this.#happens(loss)) {
      this.lost++;
      return;
    }
    const copies = this.#happens(duplicates) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const bytes = i > 0 || isMarked ? packet.slice() : packet;
      const late = this.#happens(reordering) ? reorderBy : 0;
      if (isMarked) mark(bytes);
      this.#corrupt(bytes);
      const spread = jitter > 0 ? this.random() * jitter : 0;
      this.#push({ at: departs + latency + late + spread, to, packet: bytes, order: this.sent });
    }
  }

  /** Takes the next packet that has arrived; undefined: none. */
  take(now: number): Flight | undefined {
    const first = this.#flights[0];
    if (!first || first.at > now) return undefined;
    this.#pop();
    return first;
  }

  #happens(share: number | undefined): boolean {
    return share !== undefined && share > 0 && this.random() < share;
  }

  /** Returns the time at which the last byte of a packet leaves; undefined: the queue is full. */
  #departure(to: 0 | 1, length: number, now: number): number | undefined {
    const { rate = Infinity, queue = Infinity } = this.options;
    if (rate === Infinity) return now;
    const free = Math.max(now, this.#freeAt[to]);
    if ((free - now) * rate > queue) return undefined;
    this.#freeAt[to] = free + length / rate;
    return this.#freeAt[to];
  }

  #corrupt(bytes: Uint8Array): void {
    if (!this.#happens(this.options.corruption)) return;
    bytes[Math.floor(this.random() * bytes.length)]! ^= 1 << Math.floor(this.random() * 8);
  }

  #push(flight: Flight & { order: number }): void {
    const heap = this.#flights;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      if (!isBefore(flight, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = flight;
  }

  #pop(): void {
    const heap = this.#flights;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

interface Ordered {
  readonly at: number;
  readonly order: number;
}

function isBefore(a: Ordered, b: Ordered): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Sets the mark of congestion (RFC 3168 5), and the checksum of an IPv4 header. */
function mark(packet: Uint8Array): void {
  if (packet[0]! >>> 4 === 6) {
    packet[1]! |= 0x30;
    return;
  }
  const before = packet[1]!;
  packet[1]! |= 3;
  const sum = ((packet[10]! << 8) | packet[11]!) - (packet[1]! - before);
  const folded = sum < 0 ? sum + 0xffff : sum;
  packet[10] = folded >>> 8;
  packet[11] = folded & 0xff;
}
