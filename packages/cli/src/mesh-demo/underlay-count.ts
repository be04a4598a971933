/**
 * `UnderlayCount`: counts readable and encrypted packets on the cables between nodes.
 *
 * This class is pure: it gets Ethernet frames as bytes.
 *
 * @module
 */

export class UnderlayCount {
  /** Readable IPv4 packets from or to a pod. */
  plaintext = 0;
  /** UDP datagrams from and to the port of the data plane. */
  encrypted = 0;
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** Counts one frame with its Ethernet header; borrowed for the call. */
  add(frame: Uint8Array): void {
    const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
    if (bytes.length < ETHERNET_HEADER + 20) return;
    if (bytes.readUInt16BE(12) !== ETHERTYPE_IPV4) return;
    if (isPod(bytes, ETHERNET_HEADER + 12) || isPod(bytes, ETHERNET_HEADER + 16)) this.plaintext++;
    else if (this.#isDataPlane(bytes)) this.encrypted++;
  }

  #isDataPlane(frame: Buffer): boolean {
    if (frame[ETHERNET_HEADER + 9] !== IPPROTO_UDP) return false;
    const udp = ETHERNET_HEADER + (frame[ETHERNET_HEADER]! & 0x0f) * 4;
    if (frame.length < udp + 4) return false;
    return frame.readUInt16BE(udp) === this.#port && frame.readUInt16BE(udp + 2) === this.#port;
  }

  /** Returns the counts since the last call, and resets them. */
  take(): { plaintext: number; encrypted: number } {
    const { plaintext, encrypted } = this;
    this.plaintext = 0;
    this.encrypted = 0;
    return { plaintext, encrypted };
  }
}

function isPod(frame: Buffer, at: number): boolean {
  return frame[at] === PODS[0] && frame[at + 1] === PODS[1];
}

const ETHERNET_HEADER = 14;
const ETHERTYPE_IPV4 = 0x0800;
const IPPROTO_UDP = 17;
/** The first two bytes of the address of every pod. */
const PODS = [10, 244];
