/**
 * `limitSegments`: sets how many segments a super-packet of the interface may have.
 *
 * @module
 */
import { MAX_DATAGRAM_LENGTH } from '@litz/core/internals';
import type * as Sys from '@litz/sys';

/**
 * Limits the segments of a super-packet to the number that fits into one UDP message (65,535 bytes,
 * UDP_MAX_SEGMENTS). Otherwise each super-packet would leave as one full message and a second
 * message with the few datagrams that are left. An older kernel, or a persistent interface that
 * another program owns, can refuse the limit; a refusal is not an error.
 *
 * @param interfaceIndex the number of the TUN's link
 * @param mtu in bytes
 */
export function limitSegments(
  { SystemError }: Pick<typeof Sys, 'SystemError'>,
  netlink: Pick<Sys.Netlink, 'setLink'>,
  interfaceIndex: number,
  mtu: number,
): void {
  const segments = Math.floor(MAX_DATAGRAM_LENGTH / (mtu + MESSAGE_OVERHEAD));
  const gsoMaxSegments = Math.min(Math.max(segments, 1), MOST_SEGMENTS);
  try {
    netlink.setLink(interfaceIndex, { gsoMaxSegments });
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

/**
 * Bytes that encryption adds to a packet: transport header 16, tag 16. (Padding does not exceed the
 * MTU.)
 */
const MESSAGE_OVERHEAD = 32;
/** UDP_MAX_SEGMENTS of older kernels. */
const MOST_SEGMENTS = 64;
