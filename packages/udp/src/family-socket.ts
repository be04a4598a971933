/**
 * `FamilySocket`: the socket of one address family, IPv4 or IPv6, with its queue, its flood filter
 * and its endpoints.
 *
 * @module
 */
import type { UdpCounters } from './counters.ts';
import { EndpointCache } from './endpoint-cache.ts';
import { FloodFilter } from './flood-filter.ts';
import type { Family } from './linux-abi.ts';
import { attachFilter, canSegment } from './open-sockets.ts';
import type { ReceiveSource } from './receive-batch.ts';
import { SendQueue, type SendCallbacks } from './send-queue.ts';

export interface FamilySocket extends ReceiveSource {
  readonly floodFilter: FloodFilter;
  readonly queue: SendQueue;
}

/**
 * Creates the `FamilySocket` of an open socket. Calls `onOffloadLost` if segmentation is requested
 * but not available.
 */
export function createFamilySocket(
  family: Family,
  fd: number,
  counters: UdpCounters,
  options: SendCallbacks & { gso?: boolean },
): FamilySocket {
  const { gso = false } = options;
  const segmenting = gso && canSegment(fd);
  if (gso && !segmenting) options.onOffloadLost?.('udpGso', 'the kernel has no UDP_SEGMENT');
  const queue = new SendQueue(family, fd, { segmenting, counters, callbacks: options });
  return {
    family,
    fd,
    queue,
    floodFilter: new FloodFilter(family, (program) => attachFilter(fd, program)),
    endpoints: new EndpointCache(family),
    lastOverflow: 0,
    messageLength: 0,
  };
}
