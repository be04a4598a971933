/**
 * `LoadGenerator`: many initiators who keep a responder busy.
 *
 * A number of initiations is on its way at any time; each answer lets the next peer send. So the
 * responder always has work, and never a queue that it would have to throw away. No peer initiates more
 * often than every 60 ms: responders take that for a flood (the kernel and wireguard-go below 20 ms,
 * Litz below 50).
 *
 * @module
 */
import type { Answer, InitiatorSocket } from './initiator-socket.ts';

export interface LoadCounts {
  responses: number;
  cookies: number;
  /** Answers with a wrong mac, index or cookie. */
  invalid: number;
  /** Initiations that were not answered within a second. */
  lost: number;
}

export class LoadGenerator {
  readonly counts: LoadCounts = { responses: 0, cookies: 0, invalid: 0, lost: 0 };
  readonly #inFlight: number;
  /** Whose turn it is, first the one who has waited for longest. */
  #queue: InitiatorSocket[] = [];
  #waiting = 0;
  #sendsLeft = 0;

  /** @param inFlight initiations on their way at a time */
  constructor(inFlight: number) {
    this.#inFlight = inFlight;
  }

  /** For the sockets to tell. */
  readonly tell = (socket: InitiatorSocket, answer: Answer): void => {
    if (answer === 'cookie') {
      this.counts.cookies++;
      return;
    }
    if (answer === 'response') this.counts.responses++;
    else this.counts.invalid++;
    if (socket.isWaiting) return;
    this.#waiting--;
    this.#queue.push(socket);
    this.#fill();
  };

  /** Each of `sockets` sends once: cookies are handed out, secrets computed. */
  async warmUp(sockets: readonly InitiatorSocket[]): Promise<void> {
    this.#queue = [...sockets];
    this.#sendsLeft = sockets.length;
    await this.#runUntil(() => this.#sendsLeft === 0 && this.#waiting === 0);
  }

  /** Until the time has passed or nobody has an initiation left. Returns how long it was, ms. */
  async run(ms: number): Promise<number> {
    const start = performance.now();
    this.#sendsLeft = Infinity;
    const isOver = (): boolean =>
      performance.now() - start >= ms || this.#queue.every(({ left }) => left === 0);
    await this.#runUntil(isOver);
    const end = performance.now();
    this.#sendsLeft = 0;
    return end - start;
  }

  async #runUntil(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      this.#giveUpLost();
      this.#fill();
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }

  #fill(): void {
    const now = performance.now();
    while (this.#waiting < this.#inFlight && this.#sendsLeft > 0) {
      const next = this.#queue[0];
      if (!next || now - next.sentAt < BETWEEN_INITIATIONS_MS) return;
      this.#queue.shift();
      if (next.left === 0) continue;
      next.send(now);
      this.#sendsLeft--;
      this.#waiting++;
      this.#sent.add(next);
    }
  }

  readonly #sent: Set<InitiatorSocket> = new Set();

  /** A datagram was dropped: its place is given to another one. */
  #giveUpLost(): void {
    const now = performance.now();
    for (const socket of this.#sent) {
      if (!socket.isWaiting) this.#sent.delete(socket);
      else if (now - socket.sentAt > LOST_AFTER_MS) {
        socket.isWaiting = false;
        this.#sent.delete(socket);
        this.counts.lost++;
        this.#waiting--;
        this.#queue.push(socket);
      }
    }
  }
}

const BETWEEN_INITIATIONS_MS = 60;
const LOST_AFTER_MS = 1000;
const TICK_MS = 5;
