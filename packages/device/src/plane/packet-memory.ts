/**
 * `PacketMemory`: one buffer, allocated once, that holds all packets of a device.
 *
 * ```
 *   | read: vnet header, packet | send slab: packets with gaps between  | scratch | receive slots |
 *
 *   one place of the slab, whole blocks of 64 bytes:
 *   | free 48 | header 16 | packet | padding 0 to 15 | tag 16 | 16 to 79 left | the next place ...
 *   | block 0: 64 bytes   | blocks 1 to n, the last one whole | 0 or 64      | the next place ...
 * ```
 *
 * The TUN returns a packet, or a super-packet of up to 64 KiB. Each packet, or each segment of a
 * super-packet, is copied into the slab, and its checksum is computed at the same time. The packet
 * is encrypted in the slab and sent from there.
 *
 * The messages are not adjacent, so the kernel gets each of them as a separate piece. The space
 * between them is for the cipher. It may compute block 0 of its key stream, which contains the
 * one-time key, in one call with the text. Block 0 is then written to the 64 bytes in front of the
 * text, and the header is written over the end of block 0. A packet begins at a multiple of 64, so
 * that whole blocks end within its place. The contract of a cipher allows it to write 64 bytes
 * behind the text. Up to 32 of these bytes lie in the free bytes of the next place, in front of
 * that place's header.
 *
 * @module
 */
import { VNET_HEADER_LENGTH } from '@litz/tun/offload';

/**
 * Bytes in front of a packet in the slab; the last `HEADER_LENGTH` of them are for the header of
 * its message. Also the number of bytes that encryption may write behind the text
 * (`Cipher.sealRun`); a place has 32 to 95 bytes there.
 */
export const PACKET_MARGIN = 64;
/** Length in bytes of the header of a transport data message. */
export const HEADER_LENGTH = 16;
/** Largest length in bytes of padding and tag together. */
export const MAX_TAIL_LENGTH = 31;
/** Largest length in bytes of an inner packet: the largest length of an IPv4 packet. */
export const MAX_PACKET_LENGTH = 65535;

export class PacketMemory {
  /** The whole buffer. */
  readonly buffer: Uint8Array;
  /** Where packets of the TUN are read to: `readLength` bytes, with the vnet header. */
  readonly readOffset: number = 0;
  readonly readLength: number = VNET_HEADER_LENGTH + READ_LENGTH;
  readonly slabOffset: number;
  readonly slabEnd: number;
  /** The end of the slab while other threads seal: then several super-packets are in it. */
  readonly sharedEnd: number;
  /**
   * Where a packet for the TUN is copied to, if there is no space for a vnet header in front of it,
   * or if it consists of pieces.
   */
  readonly scratchOffset: number;
  /** Where the receive slots of the sockets begin. */
  readonly receiveOffset: number;

  /**
   * @param receiveBytes length of the sockets' receive slots; 0 if the sockets have their own
   *   memory
   * @param buffer `PacketMemory.length(receiveBytes)` zero bytes whose address never changes;
   *   default: a new buffer
   */
  constructor(receiveBytes = 0, buffer?: Uint8Array) {
    this.slabOffset = align(this.readLength);
    this.slabEnd = this.slabOffset + SLAB_LENGTH;
    this.sharedEnd = this.slabOffset + SHARED_SLAB_LENGTH;
    this.scratchOffset = align(this.sharedEnd + HEADER_LENGTH);
    this.receiveOffset = align(this.scratchOffset + MAX_PACKET_LENGTH);
    this.buffer = buffer ?? ownBuffer(this.receiveOffset + receiveBytes);
  }

  /** The length of the buffer in bytes. */
  static length(receiveBytes = 0): number {
    const slabOffset = align(VNET_HEADER_LENGTH + READ_LENGTH);
    const scratchOffset = align(slabOffset + SHARED_SLAB_LENGTH + HEADER_LENGTH);
    return align(scratchOffset + MAX_PACKET_LENGTH) + receiveBytes;
  }

  /** Copies a packet to the scratch area, which has space for a vnet header in front. */
  toScratch(buffer: Uint8Array, offset: number, length: number): void {
    const { scratchOffset } = this;
    // This allocates a view. Only packets that the engine makes itself come here, and they are few.
    this.buffer.set(buffer.subarray(offset, offset + length), scratchOffset);
  }

  /**
   * Copies the pieces of a packet to the scratch area, one after the other. The pieces are in this
   * buffer, and the first one begins with the vnet header of the packet. The packet then begins at
   * `scratchOffset`.
   *
   * @returns their total length
   */
  join(offsets: Uint32Array, lengths: Uint32Array, count: number): number {
    const { buffer } = this;
    const start = this.scratchOffset - VNET_HEADER_LENGTH;
    let to = start;
    for (let i = 0; i < count; i++) {
      const offset = offsets[i] ?? 0;
      const length = lengths[i] ?? 0;
      buffer.copyWithin(to, offset, offset + length);
      to += length;
    }
    return to - start;
  }
}

/** Returns memory whose address never changes, because the kernel uses the address. */
function ownBuffer(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}

function align(offset: number): number {
  return (offset + ALIGNMENT - 1) & -ALIGNMENT;
}

/**
 * Bytes per read. An IPv6 packet can be 40 bytes longer than the largest value of its length field.
 */
const READ_LENGTH = 65536 + 256;
/**
 * Bytes of the slab. There is space for a super-packet with the smallest usual segments and, after
 * it, for the largest packet.
 */
const SLAB_LENGTH: number = 1 << 18;
/**
 * Bytes of the slab while other threads seal. There is space for seven super-packets, so that a
 * thread that is held up does not delay the others.
 */
const SHARED_SLAB_LENGTH: number = 1 << 19;
const ALIGNMENT = 64;
