/**
 * `HandshakeMessageBuffer`: allocates memory for the handshake messages that we send.
 *
 * Messages are cut from larger blocks. Their memory is never reused, because `take` gives each
 * message away. One ArrayBuffer per message would cost a device twice: once to allocate it, and
 * once to find its address for the kernel.
 *
 * @module
 */

export class HandshakeMessageBuffer {
  #block = new ArrayBuffer(0);
  #used = 0;

  /**
   * Returns `length` zero bytes, which belong to the caller. `length` is at most `BLOCK_LENGTH`.
   */
  take(length: number): Uint8Array {
    if (this.#used + length > this.#block.byteLength) {
      this.#block = new ArrayBuffer(BLOCK_LENGTH);
      this.#used = 0;
    }
    const message = new Uint8Array(this.#block, this.#used, length);
    this.#used += length;
    return message;
  }
}

/** Bytes in a block: enough for 55 initiations or 89 responses. */
export const BLOCK_LENGTH = 8192;
