/**
 * The frames of gRPC messages in an HTTP/2 stream: one byte that says whether the message is
 * compressed, four bytes of length, and the message.
 *
 * @module
 */
import { EtcdError, GRPC_CODES } from './etcd-error.ts';

/** Returns a frame that contains the message. */
export function frameOf(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, HEADER);
  return frame;
}

/** Joins the pieces of a stream and splits them into messages. */
export class FrameReader {
  /**
   * The buffer of the incomplete message. Its first `#length` bytes have arrived. The buffer grows
   * with the bytes that arrive.
   */
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** How many bytes the incomplete message needs at least, with its header. */
  #needed = HEADER;

  /**
   * Returns copies of the messages that are complete with this piece.
   *
   * @throws {EtcdError} a message is longer than `MAX_MESSAGE`, or it is compressed although the
   *   client did not ask for that
   */
  push(piece: Uint8Array): Uint8Array[] {
    this.#append(piece);
    if (this.#length < this.#needed) return [];
    const messages: Uint8Array[] = [];
    let bytes = this.#bytes.subarray(0, this.#length);
    this.#needed = HEADER;
    while (bytes.length >= HEADER) {
      const length = lengthOf(bytes);
      this.#needed = HEADER + length;
      if (bytes.length < this.#needed) break;
      messages.push(new Uint8Array(bytes.subarray(HEADER, this.#needed)));
      bytes = bytes.subarray(this.#needed);
      this.#needed = HEADER;
    }
    this.#bytes = Buffer.from(bytes);
    this.#length = bytes.length;
    return messages;
  }

  /**
   * Copies a piece. The piece itself is not kept. Even a piece of one byte may be a view of a large
   * buffer, and a server may send many such pieces.
   */
  #append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(length, Math.min(this.#needed, this.#length * 2)));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }
}

function lengthOf(frame: Buffer): number {
  if (frame[0] !== 0) {
    const message = 'the server compresses its messages, but the client did not ask for that';
    throw new EtcdError(GRPC_CODES.unavailable, message);
  }
  const length = frame.readUInt32BE(1);
  if (length <= MAX_MESSAGE) return length;
  throw new EtcdError(GRPC_CODES.resourceExhausted, `the server sends ${length} bytes at once`);
}

const HEADER = 5;
/**
 * In bytes. The longest message that is accepted. A page of a list has some hundred kilobytes, and
 * etcd accepts values of up to 1.5 MiB.
 */
const MAX_MESSAGE = 16 * 1024 * 1024;
