/**
 * The frames that gRPC puts messages into, within a stream of HTTP/2: a byte that says whether the message
 * is compressed, four bytes of length, the message.
 *
 * @module
 */

/** The message in a frame. */
export function frameOf(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, HEADER);
  return frame;
}

/** Joins the pieces of a stream, and cuts them into messages. */
export class FrameReader {
  #pieces: Uint8Array[] = [];
  #length = 0;

  /**
   * The messages that are complete with this piece: copies.
   *
   * @throws {Error} a message is compressed, which nobody asked for, or longer than any that is expected
   */
  push(piece: Uint8Array): Uint8Array[] {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length < HEADER) return [];
    const messages: Uint8Array[] = [];
    let bytes = Buffer.concat(this.#pieces);
    while (bytes.length >= HEADER) {
      const length = bytes.readUInt32BE(1);
      if (bytes[0] !== 0) throw new Error('the server compresses, which it was not asked for');
      if (length > MAX_MESSAGE) throw new Error(`the server sends ${length} bytes at once`);
      if (bytes.length < HEADER + length) break;
      messages.push(new Uint8Array(bytes.subarray(HEADER, HEADER + length)));
      bytes = bytes.subarray(HEADER + length);
    }
    this.#pieces = bytes.length > 0 ? [bytes] : [];
    this.#length = bytes.length;
    return messages;
  }
}

const HEADER = 5;
/** A page of a list has some hundred kilobytes. */
const MAX_MESSAGE = 64 * 1024 * 1024;
