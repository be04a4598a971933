/**
 * `ProcessHold`: keeps the process alive for one socket, while it is open and not `unref`'d.
 *
 * `changeHold` does the same without an object, for kinds of sockets of which there may be many.
 *
 * @module
 */
import type { SocketHost } from './socket-host.ts';

/** Bits of a hold. Without `OPEN`, the socket is closed. */
export const HOLD = { OPEN: 1, UNREF: 2 } as const;

/**
 * Keeps the process alive, or lets it end, if the change of the bits requires this.
 *
 * @param before the bits before the change
 * @param after the bits after the change
 * @returns `after`
 */
export function changeHold(host: SocketHost, before: number, after: number): number {
  if (before !== HOLD.OPEN && after === HOLD.OPEN) host.hold();
  if (before === HOLD.OPEN && after !== HOLD.OPEN) host.release();
  return after;
}

export class ProcessHold {
  readonly #host: SocketHost;
  #bits = 0;

  constructor(host: SocketHost) {
    this.#host = host;
  }

  /** Must be called when the socket was opened. */
  open(): void {
    this.#change(this.#bits | HOLD.OPEN);
  }

  /** Must be called when the socket was closed. */
  close(): void {
    this.#change(this.#bits & ~HOLD.OPEN);
  }

  ref(): void {
    this.#change(this.#bits & ~HOLD.UNREF);
  }

  unref(): void {
    this.#change(this.#bits | HOLD.UNREF);
  }

  #change(bits: number): void {
    this.#bits = changeHold(this.#host, this.#bits, bits);
  }
}
