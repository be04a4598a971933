/**
 * `adoptUdp`: takes over the UDP sockets of another process, which has passed their descriptors.
 *
 * @module
 */
import { checkObject, libc } from '@litz/sys';
import { attachFilter, type BoundSockets } from './open-sockets.ts';
import { createReceiveBatch, UdpSockets } from './udp-sockets.ts';
import { checkUdpOptions, type UdpOptions } from './udp-options.ts';

/**
 * The sockets of another process: their descriptors, and what that process has reported about them.
 */
export interface AdoptedSockets extends BoundSockets {
  /** `UdpSockets.overflows` of the other process. */
  readonly overflows: readonly number[];
}

/**
 * Takes ownership of the sockets. Datagrams that wait in them are not lost. The port, the mark and
 * the buffers of the sockets stay, and no privilege is needed. A filter against a flood is removed.
 * If the flood continues, a new filter is attached later.
 *
 * @param options as for `openUdp`. `gro` is a setting of the sockets, so it must have the value
 *   that it had in the other process. `gso`: the value of `UdpSockets.segmenting` in the other
 *   process.
 * @throws {TypeError | RangeError} an option is wrong; the sockets still belong to the caller
 */
export function adoptUdp(sockets: AdoptedSockets, options: Omit<UdpOptions, 'port'>): UdpSockets {
  checkObject('sockets', sockets);
  checkUdpOptions({ ...options, port: sockets.port });
  libc();
  const { batch, counters } = createReceiveBatch(options);
  for (const fd of [sockets.v4, sockets.v6]) if (fd !== undefined) attachFilter(fd, undefined);
  const adopted = new UdpSockets(sockets, batch, counters, options);
  adopted.restoreOverflows(sockets.overflows);
  return adopted;
}
