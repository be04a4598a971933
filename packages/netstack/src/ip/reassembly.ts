/**
 * `Reassembly`: datagrams that come in fragments (RFC 791 3.2, RFC 8200 4.5). In this file, as in
 * RFC 791, a datagram is what a sender has cut into fragments: an IP packet of any protocol.
 *
 * The number of datagrams, their memory and the time that they wait are bounded. A datagram whose
 * fragments overlap is dropped as a whole. RFC 5722 demands this for IPv6, and Linux does it for
 * IPv4 too, because only attackers make overlaps. A fragment that came twice is ignored.
 *
 * @module
 */
import { ByteRanges } from '../memory/byte-ranges.ts';
import { ChunkedBytes } from '../memory/chunked-bytes.ts';
import { CHUNK_SIZE, type ChunkPool } from '../memory/chunk-pool.ts';
import type { DropReason } from '../drop-reason.ts';
import { writeUint16 } from '../wire/bytes.ts';
import { IpAddress } from '../wire/ip-address.ts';
import { writeIpv4Checksum } from '../wire/ip-header.ts';
import type { IpPacket } from '../wire/ip-packet.ts';
import { IPV6_HEADER_LENGTH, MAX_PACKET_LENGTH } from '../wire/protocol.ts';

/** A datagram of which some fragments are missing. */
interface PartialDatagram {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly identification: number;
  /** In IPv4, it is a part of what identifies the datagram (RFC 791 3.2). */
  readonly protocol: number;
  readonly endsAt: number;
  readonly data: ChunkedBytes;
  readonly arrived: ByteRanges;
  /** The header of the first fragment, up to its data or Fragment header; empty: not here yet. */
  header: Uint8Array;
  /** IPv6: the offset in `header` of the last next header field. */
  pointer: number;
  /** The length of the data; -1 until the last fragment is here. */
  length: number;
  /** The ECN values of the fragments that have come: one bit for each of the four values. */
  ecnSeen: number;
}

/** The result for one fragment: the reason to drop it, or whether its datagram is complete now. */
export type FragmentResult = DropReason | 'waiting' | 'complete';

export class Reassembly {
  readonly #pool: ChunkPool;
  readonly #mostBytes: number;
  /** The oldest one first: it is the first to end. */
  readonly #partial: PartialDatagram[] = [];
  /** The packet that `add` completed, in one piece. */
  packet: Uint8Array = NO_BYTES;
  packetLength: number = 0;

  /** @param mostBytes how many bytes all datagrams together may use */
  constructor(pool: ChunkPool, mostBytes: number) {
    this.#pool = pool;
    this.#mostBytes = mostBytes;
  }

  /** The number of datagrams that wait for fragments. */
  get size(): number {
    return this.#partial.length;
  }

  /** When the oldest datagram is given up; Infinity if there is none. */
  get deadline(): number {
    return this.#partial[0]?.endsAt ?? Infinity;
  }

  /**
   * Adds a fragment. Its bytes are copied. If the fragment completes its datagram, `packet` has the
   * whole packet until the next call, as if it had never been cut.
   */
  add(fragment: IpPacket, now: number): FragmentResult {
    const length = fragment.transportLength;
    const start = fragment.fragmentOffset;
    if (length <= 0 || start + length > MAX_PACKET_LENGTH) return 'malformed-fragment';
    if (fragment.hasMoreFragments && length % 8 !== 0) return 'malformed-fragment';
    let datagram = this.#find(fragment);
    // RFC 8200 4.5: an exact duplicate may be ignored.
    if (datagram?.arrived.covers(start, start + length)) return 'waiting';
    if (datagram?.arrived.overlaps(start, start + length)) {
      return this.#giveUp(datagram, 'overlapping-fragment');
    }
    datagram ??= this.#create(fragment, now);
    const end = start + length;
    if (!hasRightEnd(datagram, end, fragment.hasMoreFragments)) {
      return this.#giveUp(datagram, 'malformed-fragment');
    }
    if (!fragment.hasMoreFragments) datagram.length = end;
    if (start === 0 && !keepHeader(datagram, fragment)) {
      return this.#giveUp(datagram, 'malformed-fragment');
    }
    datagram.ecnSeen |= 1 << (fragment.trafficClass & 3);
    if (!datagram.arrived.add(start, end)) return this.#giveUp(datagram, 'too-many-fragments');
    const written = datagram.data.write(start, fragment.buffer, fragment.transport, length);
    if (written < length) return this.#giveUp(datagram, 'no-memory');
    return this.#isComplete(datagram) ? this.#finish(datagram) : 'waiting';
  }

  /**
   * Gives up the oldest datagram if its time is over. RFC 1122 3.3.2 and RFC 8200 4.5: 60 seconds.
   *
   * @returns the beginning of the packet of the datagram, in new bytes, for the ICMP error; no
   *   bytes if the first fragment has not come; undefined if no datagram was given up
   */
  expire(now: number): Uint8Array | undefined {
    const [first] = this.#partial;
    if (!first || first.endsAt > now) return undefined;
    const beginning = beginningOf(first);
    this.#remove(first);
    return beginning;
  }

  #find(fragment: IpPacket): PartialDatagram | undefined {
    return this.#partial.find(
      (datagram) =>
        datagram.identification === fragment.identification &&
        datagram.source.equals(fragment.source) &&
        datagram.destination.equals(fragment.destination) &&
        (fragment.version === 6 || datagram.protocol === fragment.protocol),
    );
  }

  #create(fragment: IpPacket, now: number): PartialDatagram {
    // If there is no space for a new datagram, the oldest ones are removed. They are the least
    // likely to be completed.
    while (this.#partial.length >= MOST_DATAGRAMS || this.#memory() > this.#mostBytes) {
      this.#remove(this.#partial[0]);
    }
    const datagram: PartialDatagram = {
      source: copyOf(fragment.source),
      destination: copyOf(fragment.destination),
      identification: fragment.identification,
      protocol: fragment.protocol,
      endsAt: now + LIFETIME_MS,
      data: new ChunkedBytes(this.#pool),
      arrived: new ByteRanges(MOST_GAPS),
      header: NO_BYTES,
      pointer: 0,
      length: -1,
      ecnSeen: 0,
    };
    this.#partial.push(datagram);
    return datagram;
  }

  /**
   * Returns how many bytes are in use, plus the bytes of the longest packet, because the next
   * datagram may need them. Returns 0 if no datagram waits, because then none can be removed.
   */
  #memory(): number {
    let bytes = MAX_PACKET_LENGTH + CHUNK_SIZE;
    for (const datagram of this.#partial) bytes += datagram.data.memory;
    return this.#partial.length === 0 ? 0 : bytes;
  }

  #giveUp(datagram: PartialDatagram, reason: DropReason): DropReason {
    this.#remove(datagram);
    return reason;
  }

  #remove(datagram: PartialDatagram): void {
    datagram.data.clear();
    this.#partial.splice(this.#partial.indexOf(datagram), 1);
  }

  #isComplete({ length, arrived, header }: PartialDatagram): boolean {
    return length !== -1 && header.length > 0 && arrived.covers(0, length);
  }

  #finish(datagram: PartialDatagram): FragmentResult {
    const { header, data, length } = datagram;
    const total = header.length + length;
    const tos = ecnOfWhole(datagram.ecnSeen);
    if (total > MAX_PACKET_LENGTH || tos === MIXED_ECN) {
      return this.#giveUp(datagram, tos === MIXED_ECN ? 'fragment-ecn' : 'malformed-fragment');
    }
    if (this.packet.length === 0) this.packet = new Uint8Array(MAX_PACKET_LENGTH);
    this.packet.set(header);
    data.read(0, this.packet, header.length, length);
    this.packetLength = total;
    finishHeader(this.packet, datagram, total, tos);
    this.#remove(datagram);
    return 'complete';
  }
}

function beginningOf(datagram: PartialDatagram): Uint8Array {
  const { header, data, arrived } = datagram;
  if (header.length === 0) return NO_BYTES;
  const length = arrived.end(0);
  const bytes = new Uint8Array(header.length + length);
  bytes.set(header);
  data.read(0, bytes, header.length, length);
  finishHeader(bytes, datagram, bytes.length, 0);
  return bytes;
}

/**
 * Whether the end of a fragment agrees with what is known about the end of its datagram.
 */
function hasRightEnd(datagram: PartialDatagram, end: number, hasMore: boolean): boolean {
  const { arrived, length } = datagram;
  if (length !== -1) return hasMore ? end <= length : end === length;
  const last = arrived.count === 0 ? 0 : arrived.end(arrived.count - 1);
  return hasMore || last <= end;
}

/** Keeps the headers in front of the data. Returns false if they are too long. */
function keepHeader(datagram: PartialDatagram, fragment: IpPacket): boolean {
  const { buffer, offset, version } = fragment;
  const end = version === 4 ? fragment.transport : fragment.fragmentHeader;
  if (end - offset > LONGEST_HEADER) return false;
  datagram.header = buffer.slice(offset, end);
  if (version === 6) {
    datagram.pointer = fragment.fragmentPointer - offset;
    datagram.header[datagram.pointer] = fragment.protocol;
  }
  return true;
}

/** Changes the header as if the packet had never been fragmented. */
function finishHeader(
  packet: Uint8Array,
  { header, source }: PartialDatagram,
  total: number,
  ecn: number,
): void {
  if (source.version === 6) {
    writeUint16(packet, 4, total - IPV6_HEADER_LENGTH);
    packet[1] = (packet[1] & 0xcf) | (ecn << 4);
    return;
  }
  packet[1] = (packet[1] & 0xfc) | ecn;
  writeUint16(packet, 2, total);
  writeUint16(packet, 6, 0);
  writeIpv4Checksum(packet, 0, header.length);
}

/**
 * Returns the ECN bits of the whole packet (RFC 3168 5.3). If any fragment has a congestion mark,
 * the packet has it too. It is an error if one fragment has a mark and another one has no ECN.
 */
function ecnOfWhole(seen: number): number {
  const hasMark = (seen & 0b1000) !== 0;
  const hasNone = (seen & 0b0001) !== 0;
  if (hasMark) return hasNone ? MIXED_ECN : 3;
  if (hasNone) return 0;
  return (seen & 0b0100) !== 0 ? 2 : 1;
}

function copyOf(address: IpAddress): IpAddress {
  const copy = new IpAddress();
  copy.copy(address);
  return copy;
}

const NO_BYTES = new Uint8Array(0);
const MIXED_ECN = -1;
const LIFETIME_MS = 60_000;
const MOST_DATAGRAMS = 64;
/**
 * Enough for the longest packet, cut into fragments for an MTU of 576 bytes, if every second
 * fragment is missing.
 */
const MOST_GAPS = 64;
/**
 * The limit in bytes for the IPv6 header of 40 bytes together with the extension headers in front
 * of the Fragment header.
 */
const LONGEST_HEADER = 512;
