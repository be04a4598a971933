/**
 * Reads the counters of a network interface: `/proc/PID/net/dev`, proc(5).
 *
 * @module
 */
import { readFileSync } from 'node:fs';

/** The traffic of an interface since it was made. A super-packet counts as one packet. */
export interface LinkCounters {
  receivedBytes: number;
  receivedPackets: number;
  sentBytes: number;
  sentPackets: number;
}

/** Returns the counters of an interface in the network namespace of a process. */
export function linkCounters(pid: number, name: string): LinkCounters {
  return parseLinkCounters(readFileSync(`/proc/${pid}/net/dev`, 'latin1'), name);
}

/** Parses the counters of one interface. @throws {RangeError} the interface is not in the text */
export function parseLinkCounters(text: string, name: string): LinkCounters {
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon === -1 || line.slice(0, colon).trim() !== name) continue;
    const fields = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    return {
      receivedBytes: fields[0]!,
      receivedPackets: fields[1]!,
      sentBytes: fields[8]!,
      sentPackets: fields[9]!,
    };
  }
  throw new RangeError(`"name" expected an interface in the text, got ${name}`);
}

/**
 * Returns how many messages have left an Ethernet interface between two readings. The kernel counts
 * all datagrams of a send call with `UDP_SEGMENT` as one packet with one set of headers.
 *
 * @param messageLength the length in bytes of a message with padding. If the packets are on average
 *   no longer than one such message, each packet has one message, so packets are counted. A
 *   sender that does not pad has shorter messages, so its packets are counted too.
 */
export function sentMessages(
  before: LinkCounters,
  after: LinkCounters,
  messageLength: number,
): number {
  const packets = after.sentPackets - before.sentPackets;
  const bytes = after.sentBytes - before.sentBytes - packets * OUTER_HEADERS;
  if (packets === 0 || bytes / packets <= messageLength) return packets;
  return Math.round(bytes / messageLength);
}

/**
 * Returns how many UDP packets a program has written to its TUN between two readings. The kernel
 * counts a super-packet as one packet with one set of headers.
 *
 * @param packetLength the length of each UDP packet with its headers, in bytes
 */
export function writtenPackets(
  before: LinkCounters,
  after: LinkCounters,
  packetLength: number,
): number {
  const packets = after.receivedPackets - before.receivedPackets;
  const payload = after.receivedBytes - before.receivedBytes - packets * INNER_HEADERS;
  return Math.round(payload / (packetLength - INNER_HEADERS));
}

/** Ethernet, IPv4 and UDP. */
const OUTER_HEADERS = 42;
/** IPv4 and UDP. */
const INNER_HEADERS = 28;
