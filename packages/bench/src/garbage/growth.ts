/**
 * `scavengesPerMillion`: computes how many collections additional packets cause.
 *
 * @module
 */
import type { Collections } from './gc-trace.ts';

/** The number of carried packets, and the collections while these packets passed. */
export interface Carried extends Collections {
  packets: number;
}

/**
 * Returns the number of scavenges per additional 1,000,000 packets.
 *
 * @throws {RangeError} `more` does not have more packets than `less`, so there is no growth to
 *   compute
 */
export function scavengesPerMillion(less: Carried, more: Carried): number {
  const packets = more.packets - less.packets;
  if (packets <= 0) {
    throw new RangeError(`"more" expected above ${less.packets} packets, got ${more.packets}`);
  }
  return ((more.scavenges - less.scavenges) * 1e6) / packets;
}

/**
 * Returns whether each packet leaves garbage. The smallest object is a number of 16 bytes, and the
 * young generation is full after 1 MiB. So one object of this size per packet causes at least 15
 * scavenges per million packets. If packets leave no garbage, there are 6 to 12 scavenges, because
 * each turn of the loop leaves some garbage (measured with UDP at 400 Mbit/s).
 *
 * @param growth scavenges per 1,000,000 packets
 */
export function isGrowing(growth: number): boolean {
  return growth > LIMIT;
}

/** Scavenges per 1,000,000 packets: more than 12 and less than 15. */
const LIMIT = 13;
