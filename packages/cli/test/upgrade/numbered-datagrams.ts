/**
 * `NumberedDatagrams`: a thousand numbered datagrams per second from one namespace to another. The
 * sockets have large buffers, so no datagram is lost while the test gets no processor time.
 *
 * @module
 */
import { Endpoint } from '@litz/core';
import { NetworkNamespace } from '@litz/sys';
import { openUdp, type UdpSockets } from '@litz/udp';

/** What was sent, and what had arrived at the end of the stream. */
export interface Arrivals {
  readonly sent: number;
  readonly lost: number;
  readonly twice: number;
  /** The longest time in ms between two datagrams that arrived, as this process saw it. */
  readonly longestGapMs: number;
}

/** One end of the stream: an address in a namespace that `ip netns` has made. */
export interface StreamEnd {
  readonly namespace: string;
  readonly address: string;
}

export class NumberedDatagrams {
  readonly #sender: UdpSockets;
  readonly #receiver: UdpSockets;
  readonly #to: Endpoint;
  readonly #timer: NodeJS.Timeout;
  readonly #begin = performance.now();
  readonly #arrived: Set<number> = new Set();
  #twice = 0;
  #sent = 0;
  #lastAt = 0;
  #longestGapMs = 0;

  constructor(from: StreamEnd, to: StreamEnd) {
    this.#sender = within(from.namespace, () => openUdp({ port: 0 }));
    this.#receiver = within(to.namespace, () => openUdp({ port: 0 }));
    const address = Uint8Array.from(to.address.split('.').map(Number));
    this.#to = new Endpoint(address, this.#receiver.port);
    this.#timer = setInterval(() => this.#step(), 1);
  }

  /** Resolves when `count` datagrams have arrived. */
  async until(count: number): Promise<void> {
    const end = performance.now() + LONGEST_MS;
    while (this.#arrived.size < count) {
      if (performance.now() > end) throw new Error(`only ${this.#arrived.size} arrived`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /**
   * Stops sending, waits at most `GRACE_MS` for the datagrams on the way, and closes the sockets.
   */
  async end(): Promise<Arrivals> {
    const sent = this.#sent;
    this.#sent = Infinity;
    const end = performance.now() + GRACE_MS;
    while (this.#arrived.size < sent && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.close();
    const lost = sent - this.#arrived.size;
    return { sent, lost, twice: this.#twice, longestGapMs: Math.round(this.#longestGapMs) };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#sender.close();
    this.#receiver.close();
  }

  #step(): void {
    const due = Math.min(performance.now() - this.#begin, this.#sent + MOST_AT_ONCE);
    for (; this.#sent < due; this.#sent++) {
      const bytes = new Uint8Array(64);
      new DataView(bytes.buffer).setUint32(0, this.#sent);
      this.#sender.send(bytes, 0, bytes.length, this.#to, 0);
    }
    this.#sender.flush();
    this.#receiver.receive((buffer, offset) => {
      const number = new DataView(buffer.buffer, buffer.byteOffset + offset).getUint32(0);
      if (this.#arrived.has(number)) this.#twice++;
      this.#arrived.add(number);
      const now = performance.now();
      if (this.#lastAt > 0) this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAt);
      this.#lastAt = now;
    });
  }
}

function within<T>(name: string, make: () => T): T {
  const namespace = NetworkNamespace.open(`/run/netns/${name}`);
  try {
    return namespace.run(make);
  } finally {
    namespace.close();
  }
}

/** After a pause, the stream sends at most this many datagrams at once. */
const MOST_AT_ONCE = 20;
const GRACE_MS = 2000;
const LONGEST_MS = 30_000;
