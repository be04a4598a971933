/**
 * `tunnelPeerOf`: an accepted peer as the daemon is to have it.
 *
 * @module
 */
import { parseAddress, type Cidr } from '@litz/core';
import type { TunnelPeer } from '../daemon/tunnel-config.ts';
import type { MeshPeer } from '../membership/mesh-peer.ts';
import { hostPrefix } from '../plan/prefix.ts';

/** The same object for the same peer, so that nobody looks at it again. */
export function tunnelPeerOf(peer: MeshPeer, persistentKeepalive: number): TunnelPeer {
  const made = madeOf.get(peer);
  if (made?.persistentKeepalive === persistentKeepalive) return made;
  const tunnelPeer: TunnelPeer = {
    keys: peer.keys.map(({ publicKey }) => publicKey),
    endpoint: peer.endpoint,
    persistentKeepalive,
    allowedIps: made?.allowedIps ?? allowedIpsOf(peer),
  };
  madeOf.set(peer, tunnelPeer);
  return tunnelPeer;
}

/** Those of the node itself too: it may be in another mode than this one. */
function allowedIpsOf({ prefixes, addresses }: MeshPeer): readonly Readonly<Cidr>[] {
  return [...prefixes, ...addresses.map((text) => hostPrefix(parseAddress(text)))];
}

const madeOf = new WeakMap<MeshPeer, TunnelPeer>();
