/**
 * `DatagramQueue`: the datagrams, or echo replies, that wait until their socket reads them, with
 * their origins.
 *
 * The bytes are in chunks of the stack's pool. The fields of each datagram also count, so that many
 * empty datagrams fill the queue, too.
 *
 * @module
 */
import { ChunkedBytes } from '../memory/chunked-bytes.ts';
import type { ChunkPool } from '../memory/chunk-pool.ts';
import { IpAddress } from '../wire/ip-address.ts';
import type { IpPacket } from '../wire/ip-packet.ts';

/** Where a datagram came from, and how. A record that is reused. */
export class DatagramOrigin {
  readonly address: IpAddress = new IpAddress();
  port: number = 0;
  /** The address to which the datagram was sent. */
  readonly localAddress: IpAddress = new IpAddress();
  /** TOS or traffic class, 8 bits. */
  trafficClass: number = 0;
  hopLimit: number = 0;
  /** The length of the datagram in bytes, also if it was longer than the given buffer. */
  length: number = 0;
}

export class DatagramQueue {
  readonly #data: ChunkedBytes;
  readonly #limit: number;
  #fields = new Int32Array(FIELDS * 4);
  #first = 0;
  #count = 0;
  #bytes = 0;

  /** @param limit how many bytes may wait; each datagram counts 64 bytes more */
  constructor(pool: ChunkPool, limit: number) {
    this.#data = new ChunkedBytes(pool);
    this.#limit = limit;
  }

  get count(): number {
    return this.#count;
  }

  /** The length of the first datagram in bytes; 0 if there is none. */
  get nextLength(): number {
    return this.#count === 0 ? 0 : this.#fields[this.#first * FIELDS];
  }

  /**
   * Appends a datagram. The bytes are copied.
   *
   * @param offset where the payload is in the buffer of the packet
   * @returns false if the queue or the pool is full
   */
  push(packet: IpPacket, port: number, offset: number, length: number): boolean {
    const { source, destination } = packet;
    const used = this.#bytes + this.#count * OVERHEAD;
    if (used + length + OVERHEAD > this.#limit) return false;
    if (this.#data.write(this.#bytes, packet.buffer, offset, length) < length) return false;
    if (this.#count * FIELDS === this.#fields.length) this.#grow();
    const mask = this.#fields.length / FIELDS - 1;
    const at = ((this.#first + this.#count++) & mask) * FIELDS;
    const fields = this.#fields;
    fields[at] = length;
    fields[at + 1] = port;
    fields[at + 2] = packet.trafficClass | (packet.hopLimit << 8) | (source.version << 16);
    writeWords(fields, at + 3, source);
    writeWords(fields, at + 7, destination);
    this.#bytes += length;
    return true;
  }

  /**
   * Takes the first datagram, and writes its origin to `origin`. Bytes that do not fit are lost.
   *
   * @returns the number of bytes written to `target`; -1 if there is no datagram
   */
  shift(target: Uint8Array, offset: number, capacity: number, origin: DatagramOrigin): number {
    if (this.#count === 0) return -1;
    const fields = this.#fields;
    const at = this.#first * FIELDS;
    const length = fields[at];
    const kept = Math.min(length, capacity);
    this.#data.read(0, target, offset, kept);
    origin.length = length;
    origin.port = fields[at + 1];
    origin.trafficClass = fields[at + 2] & 0xff;
    origin.hopLimit = (fields[at + 2] >>> 8) & 0xff;
    const version = fields[at + 2] >>> 16 === 4 ? 4 : 6;
    readWords(fields, at + 3, version, origin.address);
    readWords(fields, at + 7, version, origin.localAddress);
    this.#first = (this.#first + 1) & (fields.length / FIELDS - 1);
    this.#bytes -= length;
    if (--this.#count === 0) this.clear();
    else this.#data.release(length);
    return kept;
  }

  /** Gives all memory back. */
  clear(): void {
    this.#data.clear();
    this.#count = 0;
    this.#bytes = 0;
  }

  #grow(): void {
    const grown = new Int32Array(this.#fields.length * 2);
    const head = this.#first * FIELDS;
    grown.set(this.#fields.subarray(head));
    grown.set(this.#fields.subarray(0, head), this.#fields.length - head);
    this.#fields = grown;
    this.#first = 0;
  }
}

function writeWords(fields: Int32Array, at: number, address: IpAddress): void {
  fields[at] = address.word0;
  fields[at + 1] = address.word1;
  fields[at + 2] = address.word2;
  fields[at + 3] = address.word3;
}

function readWords(fields: Int32Array, at: number, version: 4 | 6, address: IpAddress): void {
  address.version = version;
  address.word0 = fields[at];
  address.word1 = fields[at + 1];
  address.word2 = fields[at + 2];
  address.word3 = fields[at + 3];
}

/**
 * The number of words of a datagram in `#fields`: length, port, traffic class with hop limit and
 * version, and two addresses of four words.
 */
const FIELDS = 11;
/** How many bytes a datagram counts in addition to its payload: about the size of its fields. */
const OVERHEAD = 64;
