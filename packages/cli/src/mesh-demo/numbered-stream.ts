/**
 * `NumberedStream`: sends a thousand numbered datagrams per second from one pod to another, and
 * finds those that did not arrive.
 *
 * @module
 */
import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import type { Pod } from './pod.ts';

/** A captured frame with this text contains a readable datagram. */
export const MARKER = 'litz demo: readable';

export interface StreamLoss {
  readonly sent: number;
  readonly lost: number;
  /** The longest time in ms in which every datagram was lost. */
  readonly longestGapMs: number;
}

export class NumberedStream {
  readonly #sender: Socket;
  readonly #receiver: Socket;
  readonly #timer: NodeJS.Timeout;
  readonly #to: string;
  /** Which numbers arrived; one byte per number. */
  #arrived: Uint8Array = new Uint8Array(1 << 16);
  #next = 0;
  /**
   * The time at which datagram 0 was due. It is moved forward after a pause of this process, so
   * that the datagrams of the pause are left out.
   */
  #startedAt = performance.now();

  constructor(from: Pod, to: Pod) {
    this.#to = to.text;
    this.#receiver = to.namespace.run(() => boundSocket(PORT, to.text));
    this.#sender = from.namespace.run(() => boundSocket(0, from.text));
    // A datagram that causes an error counts as lost.
    for (const socket of [this.#sender, this.#receiver]) socket.on('error', () => {});
    this.#receiver.on('message', (message) => this.#mark(message));
    this.#timer = setInterval(() => this.#send(), 1);
  }

  /** The number of the next datagram. */
  get position(): number {
    return this.#next;
  }

  /** Waits for datagrams on the way, and returns the losses from number `first` on. */
  async lossSince(first: number): Promise<StreamLoss> {
    const end = this.#next;
    await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
    let lost = 0;
    let gap = 0;
    let longest = 0;
    for (let i = first; i < end; i++) {
      gap = this.#arrived[i] === 1 ? 0 : gap + 1;
      if (gap > 0) lost++;
      longest = Math.max(longest, gap);
    }
    return { sent: end - first, lost, longestGapMs: (longest * 1000) / PER_SECOND };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#sender.close();
    this.#receiver.close();
  }

  #send(): void {
    const due = Math.floor(((performance.now() - this.#startedAt) * PER_SECOND) / 1000);
    // If this process had no processor for a while, the datagrams of that time are never sent.
    // Sending all of them at once would overflow a queue and cause losses.
    const late = due - this.#next - MOST_AT_ONCE;
    if (late > 0) this.#startedAt += (late * 1000) / PER_SECOND;
    const end = Math.min(due, this.#next + MOST_AT_ONCE);
    while (this.#next < end) {
      const message = Buffer.from(`${MARKER} ${this.#next++}`);
      this.#sender.send(message, PORT, this.#to, () => {});
    }
  }

  #mark(message: Buffer): void {
    const number = Number(message.toString('latin1').slice(MARKER.length + 1));
    if (!Number.isInteger(number)) return;
    if (number >= this.#arrived.length) {
      const larger = new Uint8Array(Math.max(this.#arrived.length * 2, number + 1));
      larger.set(this.#arrived);
      this.#arrived = larger;
    }
    this.#arrived[number] = 1;
  }
}

/** Returns a socket that is already bound, so that it belongs to the thread's present namespace. */
function boundSocket(port: number, address: string): Socket {
  const socket = createSocket({ type: 'udp4', lookup: asItIs });
  socket.bind(port, address);
  return socket;
}

const PORT = 9000;
const PER_SECOND = 1000;
const MOST_AT_ONCE = 20;
/** A datagram that has not arrived after this time in ms is lost. */
const GRACE_MS = 300;

/** Replaces the resolver, which would answer later, when the thread has left the namespace. */
const asItIs: SocketOptions['lookup'] = (host, _, done) => done(null, host, 4);
