/**
 * `PacketMemory`: the memory all packets of a device stand in, allocated once.
 *
 * ```
 *   | read: vnet header, packet | send slab: packets with room between | scratch | receive slots |
 *
 *   one place of the slab, whole blocks of 64 bytes:
 *   | room 48 | header 16 | packet | padding 0 to 15 | tag 16 | 16 to 79 left | the next place ...
 *   | block 0: 64 bytes   | blocks 1 to n, the last one whole | 0 or 64      | the next place ...
 * ```
 * What the TUN gives, a packet or a super-packet of up to 64 KiB, is copied into the slab packet by
 * packet while its checksum is summed, is sealed there and sent from there. Messages do not touch: a
 * cipher may make block 0 of its stream, which has the one-time key, in one go with the text, in front
 * of which it then stands. The header is written over it, and the kernel gets each message as a piece of
 * its own. A packet begins at a multiple of 64, and so whole blocks end within its place. By its contract
 * a cipher might write 64 bytes behind the text: up to 32 of them into the next place's room, whose
 * header they do not reach.
 *
 * @module
 */
import { VNET_HEADER_LENGTH } from '@litz/tun/offload';

/**
 * In front of a packet of the slab, of which the last `HEADER_ROOM` are its header; and what sealing may
 * write behind its text (`Cipher.sealRun`), of which the place has 32 to 95.
 */
export const ROOM = 64;
/** The transport header of the outer message. */
export const HEADER_ROOM = 16;
/** Padding and tag. */
export const TAIL_ROOM = 31;
export const MAX_PACKET_LENGTH = 65535;
/** An IPv6 packet may be 40 bytes longer than its length field can say. */
const READ_LENGTH = 65536 + 256;
/** Room for a super-packet of the smallest usual segments, and for the largest packet behind it. */
const SLAB_LENGTH: number = 1 << 18;
const ALIGNMENT = 64;

export class PacketMemory {
  /** The memory of it all. */
  readonly buffer: Uint8Array;
  /** Where the TUN is read to, `readLength` bytes with the vnet header. */
  readonly readOffset: number = 0;
  readonly readLength: number = VNET_HEADER_LENGTH + READ_LENGTH;
  readonly slabOffset: number;
  readonly slabEnd: number;
  /** Where one packet that has no room in front is put together for the TUN. */
  readonly scratchOffset: number;
  /** Where the slots begin that the sockets receive into. */
  readonly receiveOffset: number;

  /**
   * @param receiveBytes for the sockets' receive slots, 0 where they have memory of their own
   * @param buffer `PacketMemory.length(receiveBytes)` zero bytes whose address never changes; default:
   *   a buffer of its own
   */
  constructor(receiveBytes = 0, buffer?: Uint8Array) {
    this.slabOffset = align(this.readLength);
    this.slabEnd = this.slabOffset + SLAB_LENGTH;
    this.scratchOffset = align(this.slabEnd + HEADER_ROOM);
    this.receiveOffset = align(this.scratchOffset + MAX_PACKET_LENGTH);
    this.buffer = buffer ?? ownBuffer(this.receiveOffset + receiveBytes);
  }

  /** How many bytes it takes. */
  static length(receiveBytes = 0): number {
    const slabOffset = align(VNET_HEADER_LENGTH + READ_LENGTH);
    const scratchOffset = align(slabOffset + SLAB_LENGTH + HEADER_ROOM);
    return align(scratchOffset + MAX_PACKET_LENGTH) + receiveBytes;
  }

  /** Copies a packet into the scratch, where its vnet header has room in front. */
  toScratch(buffer: Uint8Array, offset: number, length: number): void {
    const { scratchOffset } = this;
    // A view of its own is made only here: packets of the engine's making are few.
    this.buffer.set(buffer.subarray(offset, offset + length), scratchOffset);
  }
}

/** The kernel reads and writes it by address. */
function ownBuffer(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}

function align(offset: number): number {
  return (offset + ALIGNMENT - 1) & -ALIGNMENT;
}
