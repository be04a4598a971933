/**
 * `Crossing`: counts what crossed a wire, from captured Ethernet frames.
 *
 * This class is pure: it gets frames as bytes. It recognises messages by type and length (sections
 * 5.4.2 to 5.4.7 of the WireGuard paper).
 *
 * @module
 */
import {
  COOKIE_REPLY_LENGTH,
  HANDSHAKE_INITIATION_LENGTH,
  HANDSHAKE_RESPONSE_LENGTH,
  MESSAGE_TYPE,
  TRANSPORT_OVERHEAD,
} from '@litz/core/internals';

export class Crossing {
  /**
   * Frames by the type of the WireGuard message in them. A frame may contain many messages of one
   * length to one destination, because the kernel splits such a frame after the capture.
   */
  readonly messages = { initiation: 0, response: 0, cookieReply: 0, transport: 0, keepalive: 0 };
  /** Frames of ARP, IPv6 neighbour discovery and multicast listener reports. */
  neighbours = 0;
  /** All other frames. */
  others = 0;
  /** Frames of any kind that contain the marker. */
  readable = 0;
  bytes = 0;
  readonly #marker: Buffer;
  readonly #port: number;

  /**
   * @param port the UDP port of both ends
   * @param marker the text that must not be readable; kept by reference
   */
  constructor(port: number, marker: Uint8Array) {
    this.#port = port;
    this.#marker = Buffer.from(marker.buffer, marker.byteOffset, marker.length);
  }

  get wireguard(): number {
    return Object.values(this.messages).reduce((sum, count) => sum + count);
  }

  /** Counts one frame with its Ethernet header; borrowed for the call. */
  add(frame: Uint8Array): void {
    this.bytes += frame.length;
    const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
    if (bytes.includes(this.#marker)) this.readable++;
    const udp = udpOffset(bytes);
    if (udp > 0) this.#addDatagram(bytes, udp);
    else if (isNeighbourDiscovery(bytes)) this.neighbours++;
    else this.others++;
  }

  /** Counts one UDP payload as a frame, for a wire that has no frames; borrowed for the call. */
  addPayload(payload: Uint8Array): void {
    this.bytes += payload.length;
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    if (bytes.includes(this.#marker)) this.readable++;
    this.#count(messageKind(bytes, 0, bytes.length));
  }

  #addDatagram(frame: Buffer, udp: number): void {
    const ports = [frame.readUInt16BE(udp), frame.readUInt16BE(udp + 2)];
    const payload = udp + UDP_HEADER;
    const length = frame.readUInt16BE(udp + 4) - UDP_HEADER;
    const areOurs = ports.every((port) => port === this.#port);
    this.#count(areOurs ? messageKind(frame, payload, length) : undefined);
  }

  #count(kind: MessageKind | undefined): void {
    if (kind) this.messages[kind]++;
    else this.others++;
  }
}

type MessageKind = keyof Crossing['messages'];

function messageKind(frame: Buffer, offset: number, length: number): MessageKind | undefined {
  if (length < 4 || frame.length < offset + 4) return undefined;
  const type = frame.readUInt32LE(offset);
  if (type === MESSAGE_TYPE.HANDSHAKE_INITIATION && length === HANDSHAKE_INITIATION_LENGTH)
    return 'initiation';
  if (type === MESSAGE_TYPE.HANDSHAKE_RESPONSE && length === HANDSHAKE_RESPONSE_LENGTH)
    return 'response';
  if (type === MESSAGE_TYPE.COOKIE_REPLY && length === COOKIE_REPLY_LENGTH) return 'cookieReply';
  if (type !== MESSAGE_TYPE.TRANSPORT_DATA || length < TRANSPORT_OVERHEAD) return undefined;
  return length === TRANSPORT_OVERHEAD ? 'keepalive' : 'transport';
}

/** Returns the offset of the UDP header; 0 if the frame is not UDP. */
function udpOffset(frame: Buffer): number {
  if (frame.length < ETHERNET_HEADER) return 0;
  const type = frame.readUInt16BE(12);
  const ipv4 = type === ETHERTYPE_IPV4 && frame.length >= ETHERNET_HEADER + 20;
  const ipv6 = type === ETHERTYPE_IPV6 && frame.length >= ETHERNET_HEADER + 40;
  const protocol = ipv4 ? frame[ETHERNET_HEADER + 9] : ipv6 ? frame[ETHERNET_HEADER + 6] : 0;
  if (protocol !== IPPROTO_UDP) return 0;
  const header = ipv4 ? (frame[ETHERNET_HEADER]! & 0x0f) * 4 : 40;
  const offset = ETHERNET_HEADER + header;
  return frame.length >= offset + UDP_HEADER ? offset : 0;
}

function isNeighbourDiscovery(frame: Buffer): boolean {
  if (frame.length < ETHERNET_HEADER) return false;
  const type = frame.readUInt16BE(12);
  if (type === ETHERTYPE_ARP) return true;
  if (type !== ETHERTYPE_IPV6 || frame.length < ETHERNET_HEADER + 41) return false;
  const next = frame[ETHERNET_HEADER + 6];
  // A multicast listener report has a hop-by-hop header before its ICMPv6 header.
  if (next === IPPROTO_HOPOPTS) return frame[ETHERNET_HEADER + 40] === IPPROTO_ICMPV6;
  return next === IPPROTO_ICMPV6 && frame[ETHERNET_HEADER + 40]! >= ICMPV6_ROUTER_SOLICITATION;
}

const ETHERNET_HEADER = 14;
const UDP_HEADER = 8;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV6 = 0x86dd;
const IPPROTO_HOPOPTS = 0;
const IPPROTO_UDP = 17;
const IPPROTO_ICMPV6 = 58;
const ICMPV6_ROUTER_SOLICITATION = 133;
