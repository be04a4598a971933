/**
 * `offloadSuite`: measures super-packets: checksums, splitting and coalescing.
 *
 * @module
 */
import {
  checksum,
  Coalescer,
  pseudoHeaderSum,
  splitSuperPacket,
  VNET_FLAG_NEEDS_CHECKSUM,
  VNET_GSO_TCPV4,
  VNET_HEADER_LENGTH,
  encodeVnetHeader,
  type SegmentSlab,
} from '@litz/tun/offload';
import { ipv4Packet } from '@litz/testkit';
import { check, checkEqual, type Case } from './case.ts';

/** Returns the three cases. */
export function offloadSuite(): Case[] {
  return [checksumCase(), splitCase(), coalesceCase()];
}

function checksumCase(): Case {
  const packet = Uint8Array.from({ length: 1380 }, (_, i) => (i * 31) & 0xff);
  return {
    figure: 'checksum, 1380 B',
    subject: 'litz',
    operations: 64,
    check: () => check('checksum', checksum(packet, 0, packet.length) === slowChecksum(packet)),
    run: () => {
      for (let i = 0; i < 64; i++) checksum(packet, 0, packet.length);
    },
  };
}

function splitCase(): Case {
  const memory = new SuperPacketMemory();
  return {
    figure: 'split a super-packet, per segment of 1420 B',
    subject: 'litz',
    operations: SEGMENTS,
    check: () => checkIdentity(memory),
    run: () => void memory.split(),
  };
}

function coalesceCase(): Case {
  const memory = new SuperPacketMemory();
  memory.split();
  return {
    figure: 'coalesce into a super-packet, per segment of 1420 B',
    subject: 'litz',
    operations: SEGMENTS,
    check: () => checkIdentity(memory),
    // Coalescing writes into the headers of the first segment, so each run starts with new
    // segments.
    prepare: () => void memory.split(),
    run: () => memory.coalesce(),
  };
}

/** Checks that splitting and coalescing give one super-packet with the original payload. */
function checkIdentity(memory: SuperPacketMemory): void {
  check('number of segments', memory.split() === SEGMENTS);
  memory.coalesce();
  check('one super-packet', memory.written.length === 1);
  const [again] = memory.written;
  checkEqual('payload', payloadOf(again!), payloadOf(memory.superPacket));
}

function payloadOf(packet: Uint8Array): Uint8Array {
  return packet.subarray(VNET_HEADER_LENGTH + HEADERS);
}

/** A TCP super-packet, and the slab for its segments. */
class SuperPacketMemory {
  /** The super-packet with its vnet header. */
  readonly superPacket: Uint8Array = createSuperPacket();
  /**
   * A copy of the first super-packet that `coalesce` has written. Later super-packets are not
   * copied.
   */
  written: Uint8Array[] = [];
  readonly #buffer: Uint8Array = new Uint8Array(SLAB + SEGMENTS * STRIDE);
  readonly #slab: SegmentSlab = {
    buffer: this.#buffer,
    offset: SLAB,
    stride: STRIDE,
    headroom: 16,
    tailroom: 31,
    capacity: SEGMENTS,
    lengths: new Uint16Array(SEGMENTS),
  };
  readonly #coalescer: Coalescer = new Coalescer({
    buffer: this.#buffer,
    write: ({ offsets, lengths }, count) => {
      if (this.written.length === 0) this.#copy(offsets, lengths, count);
      return true;
    },
  });

  constructor() {
    this.#buffer.set(this.superPacket);
  }

  split(): number {
    return splitSuperPacket(this.#buffer, 0, this.superPacket.length, this.#slab);
  }

  coalesce(): void {
    for (let i = 0; i < SEGMENTS; i++) {
      this.#coalescer.add(SLAB + i * STRIDE + 16, this.#slab.lengths[i]!);
    }
    this.#coalescer.flush();
  }

  #copy(offsets: Uint32Array, lengths: Uint32Array, count: number): void {
    const pieces = Array.from({ length: count }, (_, i) =>
      this.#buffer.slice(offsets[i], offsets[i]! + lengths[i]!),
    );
    this.written.push(Uint8Array.from(pieces.flatMap((piece) => [...piece])));
  }
}

/**
 * Makes a super-packet like those of the kernel: the checksum field contains the sum of the
 * pseudo-header.
 */
function createSuperPacket(): Uint8Array {
  const packet = ipv4Packet({
    source: [10, 0, 0, 1],
    destination: [10, 0, 0, 2],
    protocol: TCP,
    length: HEADERS + SEGMENTS * SEGMENT_PAYLOAD,
    payload: Buffer.from('litz'),
  });
  const view = new DataView(packet.buffer);
  packet[6] = 0x40; // DF
  view.setUint16(10, 0);
  view.setUint16(10, checksum(packet, 0, 20));
  packet[32] = 0x50; // data offset: five words
  packet[33] = 0x10; // ACK
  view.setUint16(36, pseudoHeaderSum(packet, 0, TCP, packet.length - 20));
  const superPacket = new Uint8Array(VNET_HEADER_LENGTH + packet.length);
  superPacket.set(packet, VNET_HEADER_LENGTH);
  const header = { flags: VNET_FLAG_NEEDS_CHECKSUM, gsoType: VNET_GSO_TCPV4 };
  const lengths = { headerLength: HEADERS, gsoSize: SEGMENT_PAYLOAD };
  const field = { checksumStart: 20, checksumOffset: 16 };
  encodeVnetHeader({ ...header, ...lengths, ...field }, superPacket, 0);
  return superPacket;
}

function slowChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const TCP = 6;
/** Length in bytes of the headers of IPv4 and TCP without options. */
const HEADERS = 40;
const SEGMENT_PAYLOAD = 1380;
const SEGMENTS = 44;
const SLAB: number = 1 << 16;
const STRIDE = 1472;
