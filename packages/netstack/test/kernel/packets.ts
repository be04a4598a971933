/**
 * The work of a device between a host and the wire: `splitPackets` splits the super-packets that a
 * host sends, and `Joiner` joins the packets that arrive for it.
 *
 * @module
 */
import {
  clearVnetHeader,
  Coalescer,
  splitSuperPacket,
  VNET_HEADER_LENGTH,
  type PacketPieces,
} from '@litz/tun/offload';

/** Splits the packet of `length` bytes with its vnet header at the beginning of `source`. */
export function splitPackets(source: Uint8Array, length: number): Uint8Array[] {
  const count = splitSuperPacket(source, 0, length, slab);
  if (count < 0) throw new Error(`cannot split a packet of ${length} bytes: ${count}`);
  const packets: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    packets.push(slab.buffer.slice(i * STRIDE, i * STRIDE + slab.lengths[i]));
  }
  return packets;
}

/** Joins the packets of one turn. */
export class Joiner {
  readonly #buffer = new Uint8Array(2 ** 21);
  readonly #whole = new Uint8Array(VNET_HEADER_LENGTH + 66_000);
  readonly #write: (bytes: Uint8Array, length: number) => void;
  readonly #coalescer: Coalescer;
  #end = 0;

  /** @param write receives a packet with its vnet header in front, borrowed for the call */
  constructor(write: (bytes: Uint8Array, length: number) => void) {
    this.#write = write;
    const writePieces = ({ offsets, lengths }: PacketPieces, count: number): boolean => {
      let length = 0;
      for (let i = 0; i < count; i++) {
        this.#whole.set(this.#buffer.subarray(offsets[i], offsets[i] + lengths[i]), length);
        length += lengths[i];
      }
      write(this.#whole, length);
      return true;
    };
    this.#coalescer = new Coalescer({ buffer: this.#buffer, write: writePieces });
  }

  add(packet: Uint8Array): void {
    // A device checks the length before it joins packets.
    if (lengthOf(packet) !== packet.length) {
      clearVnetHeader(this.#whole, 0);
      this.#whole.set(packet, VNET_HEADER_LENGTH);
      return this.#write(this.#whole, VNET_HEADER_LENGTH + packet.length);
    }
    const place = this.#end + VNET_HEADER_LENGTH;
    if (place + packet.length > this.#buffer.length) {
      this.flush();
      return this.add(packet);
    }
    this.#buffer.set(packet, place);
    this.#end = place + packet.length;
    this.#coalescer.add(place, packet.length);
    return undefined;
  }

  flush(): void {
    this.#coalescer.flush();
    this.#end = 0;
  }
}

/** Returns the length of a packet, as its IP header states it. */
function lengthOf(packet: Uint8Array): number {
  const at = packet[0] >>> 4 === 4 ? 2 : 4;
  return ((packet[at] << 8) | packet[at + 1]) + (at === 2 ? 0 : 40);
}

const STRIDE = 66_000;
const slab = {
  buffer: new Uint8Array(128 * STRIDE),
  offset: 0,
  stride: STRIDE,
  headroom: 0,
  tailroom: 0,
  capacity: 128,
  lengths: new Uint32Array(128),
};
