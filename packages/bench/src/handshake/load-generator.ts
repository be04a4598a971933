/**
 * `LoadGenerator`: keeps a responder busy with many initiators.
 *
 * At most `inFlight` initiations are unanswered at any time. After each answer, the next peer
 * sends. So the responder always has work, and its queue is never so long that it must drop
 * messages.
 *
 * A peer initiates at most once every 60 ms. Responders drop an initiation that comes less than
 * 20 ms after the last one of the same peer. Under load, they also answer at most 20 messages per
 * second and address, which is one every 50 ms.
 *
 * @module
 */
import type { Answer, InitiatorSocket } from './initiator-socket.ts';

export interface LoadCounts {
  responses: number;
  cookies: number;
  /**
   * Responses with a wrong mac1, and datagrams that are neither a response nor a valid cookie
   * reply.
   */
  invalid: number;
  /** Initiations that were not answered within a second. */
  lost: number;
}

export class LoadGenerator {
  readonly counts: LoadCounts = { responses: 0, cookies: 0, invalid: 0, lost: 0 };
  readonly #inFlight: number;
  /** The peers without an unanswered initiation. The first one has waited longest. */
  #queue: InitiatorSocket[] = [];
  /** The number of unanswered initiations. */
  #waiting = 0;
  /** How many initiations may still be sent. */
  #sendsLeft = 0;

  /** @param inFlight unanswered initiations at a time */
  constructor(inFlight: number) {
    this.#inFlight = inFlight;
  }

  /** Called by the sockets with each answer. */
  readonly onAnswer = (socket: InitiatorSocket, answer: Answer): void => {
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

  /**
   * Lets each of `sockets` send once. So each peer gets a cookie if the responder is under load,
   * and the responder computes the secrets for each peer.
   */
  async warmUp(sockets: readonly InitiatorSocket[]): Promise<void> {
    this.#queue = [...sockets];
    this.#sendsLeft = sockets.length;
    await this.#runUntil(() => this.#sendsLeft === 0 && this.#waiting === 0);
  }

  /** Runs until `ms` have passed or no initiation is left. Returns how long it took, in ms. */
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

  /** Sends initiations until `#inFlight` of them are unanswered. */
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

  /** The peers that have sent an initiation and may still wait for the answer. */
  readonly #sent: Set<InitiatorSocket> = new Set();

  /** Gives up initiations that were not answered in time, so that other peers can send. */
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
