/**
 * The frames that gRPC puts messages into, within a stream of HTTP/2: a byte that says whether the message
 * is compressed, four bytes of length, the message.
 *
 * @module
 */
import { EtcdError, GRPC_CODES } from './etcd-error.ts';

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
  /** Nothing is joined before there is so much. */
  #needed = HEADER;

  /**
   * The messages that are complete with this piece: copies.
   *
   * @throws {EtcdError} a message is compressed, which nobody asked for, or longer than any that is
   *   expected
   */
  push(piece: Uint8Array): Uint8Array[] {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length < this.#needed) return [];
    const messages: Uint8Array[] = [];
    let bytes = Buffer.concat(this.#pieces);
    this.#needed = HEADER;
    while (bytes.length >= HEADER) {
      const length = lengthOf(bytes);
      this.#needed = HEADER + length;
      if (bytes.length < this.#needed) break;
      messages.push(new Uint8Array(bytes.subarray(HEADER, this.#needed)));
      bytes = bytes.subarray(this.#needed);
      this.#needed = HEADER;
    }
    this.#pieces = bytes.length > 0 ? [bytes] : [];
    this.#length = bytes.length;
    return messages;
  }
}

function lengthOf(frame: Buffer): number {
  if (frame[0] !== 0) {
    const message = 'the server compresses, which it was not asked for';
    throw new EtcdError(GRPC_CODES.unavailable, message);
  }
  const length = frame.readUInt32BE(1);
  if (length <= MAX_MESSAGE) return length;
  throw new EtcdError(GRPC_CODES.resourceExhausted, `the server sends ${length} bytes at once`);
}

const HEADER = 5;
/** A page of a list has some hundred kilobytes; whatever etcd takes as one value has 1.5 MiB. */
const MAX_MESSAGE = 16 * 1024 * 1024;
