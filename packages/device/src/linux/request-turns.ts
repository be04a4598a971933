/**
 * `RequestTurns`: answers the requests of the main thread between two batches of packets.
 *
 * Requests are answered in order, one after the other. A change of very many peers or prefixes is
 * read and applied in steps. The status of a peer with very many prefixes is read in steps. Packets
 * pass between the steps.
 *
 * @module
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { PeerConfiguration } from '@litz/core';
import type { Steps } from '@litz/core/internals';
import type { DeviceRequest } from '../driver.ts';
import { isRefused } from '../refusal.ts';
import { wipeBuffer } from './secret-buffer.ts';
import {
  post,
  postAnswer,
  toErrorMessage,
  type PeersMessage,
  type RequestMessage,
} from './worker-messages.ts';

export interface RequestTurnsOptions {
  /** Carries the requests and their answers. */
  readonly port: MessagePort;
  /** Carries out a request in steps, and returns the answer. */
  readonly answer: (request: DeviceRequest) => Steps<unknown>;
  /** Returns the time in ms. */
  readonly now: () => number;
}

export class RequestTurns {
  readonly #options: RequestTurnsOptions;
  /** Peers of the `configure` request that comes next. */
  #peers: PeerConfiguration[] = [];
  /** The buffers that hold the secrets of the next request, or of the one in progress. */
  #secrets: ArrayBuffer[] = [];
  #inProgress: { readonly id: number; readonly steps: Steps<unknown> } | undefined;

  constructor(options: RequestTurnsOptions) {
    this.#options = options;
  }

  /**
   * Answers requests for `TURN_MS`, with at least one step if there is something to do.
   *
   * @returns whether there may be more to do
   * @throws the error of a crash
   */
  take(): boolean {
    const end = this.#options.now() + TURN_MS;
    do {
      if (this.#inProgress) this.#step();
      else if (!this.#receive()) return false;
    } while (this.#options.now() < end);
    return true;
  }

  /** Ends the request in progress, and wipes the secrets of all requests that were not answered. */
  close(): void {
    this.#inProgress?.steps.return(undefined);
    while (this.#receive());
    this.#wipeSecrets();
  }

  /** Takes one message from the queue. Returns whether there was one. */
  #receive(): boolean {
    const received: { message: RequestMessage | PeersMessage } | undefined = receiveMessageOnPort(
      this.#options.port,
    );
    if (!received) return false;
    const { message } = received;
    if (message.secrets) this.#secrets.push(message.secrets);
    if ('peers' in message) for (const peer of message.peers) this.#peers.push(peer);
    else this.#begin(message);
    return true;
  }

  #begin({ id, request }: RequestMessage): void {
    const steps = this.#options.answer(
      this.#peers.length === 0 ? request : this.#withAllPeers(request),
    );
    this.#inProgress = { id, steps };
  }

  /** Returns the request with all its peers. */
  #withAllPeers(request: DeviceRequest): DeviceRequest {
    if (request.type !== 'configure') return request;
    const peers = [...this.#peers, ...(request.change.peers ?? [])];
    this.#peers = [];
    return { ...request, change: { ...request.change, peers } };
  }

  /** Does one step of the request in progress, and sends the answer after the last one. */
  #step(): void {
    const { id, steps } = this.#inProgress!;
    const { port } = this.#options;
    let isOver = true;
    try {
      const { done = false, value } = steps.next();
      isOver = done;
      if (done) postAnswer(port, id, value);
    } catch (error) {
      // After any error except a refusal the device may be half changed, so the thread ends.
      if (!isRefused(error)) throw error;
      post(port, { type: 'refused', id, error: toErrorMessage(error) });
    } finally {
      if (isOver) {
        this.#inProgress = undefined;
        this.#wipeSecrets();
      }
    }
  }

  #wipeSecrets(): void {
    for (const buffer of this.#secrets.splice(0)) wipeBuffer(buffer);
  }
}

/** How long requests are answered before packets get their turn. One step may take longer. */
const TURN_MS = 0.5;
