/**
 * `UnderlayCount`: counts readable and encrypted packets on the cables between nodes.
 *
 * An encrypted packet is a WireGuard message of type 4 that is longer than a keepalive (section
 * 5.4.6 of the WireGuard paper). Handshake messages and keepalives contain no packet and are not
 * counted.
 *
 * This class is pure: it gets Ethernet frames as bytes.
 *
 * @module
 */
import { MESSAGE_TYPE, TRANSPORT_OVERHEAD } from '@litz/core/internals';

export class UnderlayCount {
  /** Readable IPv4 packets from or to a pod. */
  plaintext = 0;
  /** Datagrams of the data plane that contain a packet; a super-packet counts as one. */
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
    else if (this.#hasEncryptedPacket(bytes)) this.encrypted++;
  }

  #hasEncryptedPacket(frame: Buffer): boolean {
    if (frame[ETHERNET_HEADER + 9] !== IPPROTO_UDP) return false;
    const udp = ETHERNET_HEADER + (frame[ETHERNET_HEADER]! & 0x0f) * 4;
    const message = udp + UDP_HEADER;
    if (frame.length <= message + TRANSPORT_OVERHEAD) return false;
    const ports = [frame.readUInt16BE(udp), frame.readUInt16BE(udp + 2)];
    return (
      ports.every((port) => port === this.#port) && frame[message] === MESSAGE_TYPE.TRANSPORT_DATA
    );
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
const UDP_HEADER = 8;
/** The first two bytes of the address of every pod. */
const PODS = [10, 244];
