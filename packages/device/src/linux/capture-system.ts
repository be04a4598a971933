/**
 * `createCaptureSystem`: the clock and the local addresses for the captures of a device on Linux.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import type * as Sys from '@litz/sys';
import type { CaptureSystem } from '../capture/capture-taps.ts';

/**
 * The kernel reports the local address of a datagram only when the datagram is received. For a
 * datagram that is sent before one has come from the peer, the routing table gives the address.
 * Each answer of the routing table is used for one second. When `MOST_ADDRESSES` answers are kept
 * and one more is needed, all of them are forgotten.
 */
export function createCaptureSystem(
  {
    realtimeMs,
    readRealtime,
    SystemError,
  }: Pick<typeof Sys, 'realtimeMs' | 'readRealtime' | 'SystemError'>,
  netlink: Pick<Sys.Netlink, 'routeTo'>,
  onBlocks: (id: number) => void = () => {},
): CaptureSystem {
  const chosen = new Map<
    string,
    { readonly address: Uint8Array | undefined; readonly at: number }
  >();
  const lookUp = ({ address, scopeId }: Endpoint, mark: number): Uint8Array | undefined => {
    // The routing table does not choose the interface of a link-local address.
    if (scopeId !== 0) return undefined;
    try {
      return netlink.routeTo(address, { mark })?.source;
    } catch (error) {
      // The route prohibits or drops packets.
      if (error instanceof SystemError) return undefined;
      throw error;
    }
  };
  return {
    onBlocks,
    readTime: readRealtime,
    localAddress: (endpoint, mark) => {
      const name = endpoint.address.join('.');
      const now = realtimeMs();
      const known = chosen.get(name);
      if (known && now >= known.at && now < known.at + KEPT_MS) return known.address;
      if (chosen.size >= MOST_ADDRESSES) chosen.clear();
      const address = lookUp(endpoint, mark);
      chosen.set(name, { address, at: now });
      return address;
    },
  };
}

/** How long an address is used without asking again, in ms. */
const KEPT_MS = 1000;
const MOST_ADDRESSES = 1024;
