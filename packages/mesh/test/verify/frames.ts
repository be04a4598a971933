/**
 * Builds frames for the tests of `verify`.
 *
 * @module
 */
import { parseAddress } from '@litz/core';

/** @param tags IDs of VLANs, the outer ID first */
export function ethernet(packet: Uint8Array, tags: readonly number[] = []): Uint8Array {
  const type = packet[0] >> 4 === 4 ? 0x0800 : 0x86dd;
  const types = [
    ...tags.map((_, index) => (index === 0 && tags.length > 1 ? 0x88a8 : 0x8100)),
    type,
  ];
  const head = types.flatMap((value, index) => [
    ...u16(value),
    ...(index < tags.length ? u16(tags[index]) : []),
  ]);
  return joined(new Uint8Array(12), Uint8Array.from(head), packet);
}

export function ip(
  source: string,
  destination: string,
  protocol: number,
  payload: Uint8Array,
): Uint8Array {
  const [from, to] = [parseAddress(source), parseAddress(destination)];
  if (from.length === 4) {
    const head = Uint8Array.from([
      0x45,
      0,
      ...u16(20 + payload.length),
      0,
      0,
      0,
      0,
      64,
      protocol,
      0,
      0,
    ]);
    return joined(head, from, to, payload);
  }
  const head = Uint8Array.from([0x60, 0, 0, 0, ...u16(payload.length), protocol, 64]);
  return joined(head, from, to, payload);
}

export function udp(from: number, to: number, payload: Uint8Array): Uint8Array {
  return joined(
    Uint8Array.from([...u16(from), ...u16(to), ...u16(8 + payload.length), 0, 0]),
    payload,
  );
}

/** Returns a TCP header of 20 bytes in which only the ports are set. */
export function tcp(from: number, to: number): Uint8Array {
  return joined(Uint8Array.from([...u16(from), ...u16(to)]), new Uint8Array(16));
}

/** Returns an echo request of ICMPv4. The tests use it for ICMPv6 too. */
export function echo(payload: Uint8Array): Uint8Array {
  return joined(Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0), payload);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function u16(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}

/** Bytes that begin like a keepalive and have its length. */
export const KEEPALIVE: Uint8Array = joined(Uint8Array.of(4, 0, 0, 0), new Uint8Array(28));
/** Bytes that begin like a transport message with a packet of 16 bytes. */
export const TRANSPORT: Uint8Array = joined(KEEPALIVE, new Uint8Array(16));
export const UDP = 17;
export const TCP = 6;
export const ICMP = 1;
export const ICMPV6 = 58;
