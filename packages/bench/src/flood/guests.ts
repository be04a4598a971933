/**
 * `Guests`: a program in the namespace of the guests, with honest peers that connect to the server.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import type { PublicKey } from '@litz/core';
import { RunningCommand, until } from '../peers/command.ts';
import type { Retry } from './guest.ts';
import type { GuestsAnswer, GuestsRequest } from './guests-child.ts';

/** The program with the guests. Each guest has a number, and connects only once. */
export class Guests {
  readonly #child: RunningCommand;
  readonly #waiting = new Map<number, (answer: GuestsAnswer) => void>();
  #groups = 0;

  /** @throws {Error} (rejects) the program failed */
  static async start(namespace: string, server: PublicKey): Promise<Guests> {
    const guests = new Guests(namespace, server);
    const isReady = (): boolean => {
      guests.#child.checkAlive();
      return guests.#child.output.includes('ready');
    };
    await until('the guests: ready', isReady, TIMEOUT_MS);
    return guests;
  }

  private constructor(namespace: string, server: PublicKey) {
    this.#child = new RunningCommand(process.execPath, [CHILD, server.toBase64()], {
      namespace,
      onMessage: (message) => {
        const answer = message as GuestsAnswer;
        this.#waiting.get(answer.group)?.(answer);
      },
    });
  }

  /**
   * Makes guests. The server must already have them as peers.
   *
   * @param first the number of the first guest
   * @throws {Error} (rejects) the program failed
   */
  async open(first: number, count: number, retry: Retry): Promise<GuestGroup> {
    const group = ++this.#groups;
    await this.#request({ command: 'open', group, first, count, retry }, TIMEOUT_MS);
    return {
      connect: async (timeoutMs) => {
        const request: GuestsRequest = { command: 'connect', group, timeoutMs };
        const { times = [] } = await this.#request(request, timeoutMs + TIMEOUT_MS);
        return times.map((ms) => ms ?? timeoutMs).sort((a, b) => a - b);
      },
    };
  }

  async close(): Promise<void> {
    await this.#child.end();
  }

  async #request(request: GuestsRequest, timeoutMs: number): Promise<GuestsAnswer> {
    const { group, command } = request;
    let answer: GuestsAnswer | undefined;
    this.#waiting.set(group, (found) => (answer = found));
    this.#child.send(request);
    const isAnswered = (): boolean => {
      this.#child.checkAlive();
      return answer !== undefined;
    };
    await until(`guests, ${command}`, isAnswered, timeoutMs);
    this.#waiting.delete(group);
    if (answer!.error !== undefined) throw new Error(`guests, ${command}: ${answer!.error}`);
    return answer!;
  }
}

/** Guests that connect at the same time. */
export interface GuestGroup {
  /**
   * Connects all guests of the group. Returns how many ms each guest needed, in ascending order;
   * `timeoutMs` for each guest that needed longer.
   *
   * @throws {Error} (rejects) the program failed
   */
  connect(timeoutMs: number): Promise<number[]>;
}

const CHILD = fileURLToPath(new URL('./guests-child.js', import.meta.url));
const TIMEOUT_MS = 60_000;
