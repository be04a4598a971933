/**
 * `PendingWrite`: one write of a program, until the stack has taken all of it.
 *
 * @module
 */
import type { TcpSocket } from '@litz/netstack';

export class PendingWrite {
  /** The number of bytes that the stack has taken. */
  sent: number = 0;
  readonly callback: (error?: Error | null) => void;
  readonly #chunks: readonly Uint8Array[];
  #next = 0;
  #offset = 0;

  /** @param chunks not copied: they must not change before the callback is called */
  constructor(chunks: readonly Uint8Array[], callback: (error?: Error | null) => void) {
    this.#chunks = chunks;
    this.callback = callback;
  }

  /**
   * Passes as many bytes to the stack as it accepts.
   *
   * @returns whether the stack has taken all bytes
   * @throws {StackError} the stream was ended, or the connection is gone
   */
  pushTo(socket: TcpSocket): boolean {
    for (; this.#next < this.#chunks.length; this.#next++) {
      const chunk = this.#chunks[this.#next]!;
      const rest = chunk.length - this.#offset;
      const count = socket.send(chunk, this.#offset, rest);
      this.sent += count;
      if (count < rest) {
        this.#offset += count;
        return false;
      }
      this.#offset = 0;
    }
    return true;
  }
}
