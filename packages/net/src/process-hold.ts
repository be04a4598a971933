/**
 * `ProcessHold`: keeps the process alive for one socket, while it is open and not `unref`'d.
 *
 * @module
 */
import type { SocketHost } from './socket-host.ts';

export class ProcessHold {
  readonly #host: SocketHost;
  #isOpen = false;
  #isRef = true;
  #isHeld = false;

  constructor(host: SocketHost) {
    this.#host = host;
  }

  /** The socket was opened. */
  open(): void {
    this.#isOpen = true;
    this.#apply();
  }

  /** The socket was closed. */
  close(): void {
    this.#isOpen = false;
    this.#apply();
  }

  ref(): void {
    this.#isRef = true;
    this.#apply();
  }

  unref(): void {
    this.#isRef = false;
    this.#apply();
  }

  #apply(): void {
    const isWanted = this.#isOpen && this.#isRef;
    if (isWanted === this.#isHeld) return;
    this.#isHeld = isWanted;
    if (isWanted) this.#host.hold();
    else this.#host.release();
  }
}
