/**
 * `NumberedStream`: datagrams with numbers, a thousand a second from one pod to another, and which of
 * them did not come.
 *
 * @module
 */
import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import type { Pod } from './pod.ts';

const PORT = 9000;
const PER_SECOND = 1000;
const MOST_AT_ONCE = 20;
/** What is still on its way after so long is lost. */
const GRACE_MS = 300;
/** Seen in a capture, it is a datagram that somebody could read. */
export const MARKER = 'litz demo: readable';

export interface StreamLoss {
  readonly sent: number;
  readonly lost: number;
  /** From the last datagram before the longest loss to the first one behind it. */
  readonly longestGapMs: number;
}

export class NumberedStream {
  readonly #sender: Socket;
  readonly #receiver: Socket;
  readonly #timer: NodeJS.Timeout;
  readonly #to: string;
  /** Which numbers came; one byte each. */
  #arrived: Uint8Array = new Uint8Array(1 << 16);
  #next = 0;
  /** When number 0 would have been sent at this pace. */
  #startedAt = performance.now();

  constructor(from: Pod, to: Pod) {
    this.#to = to.text;
    this.#receiver = to.namespace.run(() => boundSocket(PORT, to.text));
    this.#sender = from.namespace.run(() => boundSocket(0, from.text));
    // A datagram that nobody can be asked about is a lost one.
    for (const socket of [this.#sender, this.#receiver]) socket.on('error', () => {});
    this.#receiver.on('message', (message) => this.#mark(message));
    this.#timer = setInterval(() => this.#send(), 1);
  }

  /** The number that is sent next. */
  get position(): number {
    return this.#next;
  }

  /** Of those from number `first` on; waits for those that are on their way. */
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
    // This process had no processor for a while: it goes on from here. All at once they would be a burst
    // that no queue is made for, and a loss of its own.
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

/** Bound before it returns, so that it belongs to the namespace that the thread is in now. */
function boundSocket(port: number, address: string): Socket {
  const socket = createSocket({ type: 'udp4', lookup: asItIs });
  socket.bind(port, address);
  return socket;
}

/** Instead of a resolver, which would answer later, outside of the namespace. */
const asItIs: SocketOptions['lookup'] = (host, _, done) => done(null, host, 4);
