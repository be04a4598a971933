/**
 * `HandshakeMessageBuffer`: memory for the handshake messages that we send.
 *
 * They are cut from larger blocks and never used again: each message is its receiver's for good. An
 * ArrayBuffer for every one of them would cost a device twice, to make it and to find out its address
 * for the kernel.
 *
 * @module
 */

export class HandshakeMessageBuffer {
  #block = new ArrayBuffer(0);
  #used = 0;

  /** `length` zero bytes, at most `BLOCK_LENGTH`. */
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

/** Of 55 initiations or 89 responses. */
export const BLOCK_LENGTH = 8192;
