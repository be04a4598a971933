/**
 * `TunnelPeers`: the accepted peers as the daemon is to have them, kept while they change one by one.
 *
 * @module
 */
import { formatAddress, parseAddress, type Cidr } from '@litz/core';
import type { TunnelPeer } from '../daemon/tunnel-config.ts';
import type { MeshPeer } from '../membership/mesh-peer.ts';
import { hostPrefix } from '../record/cidr-relations.ts';

export class TunnelPeers {
  /** What `#byName` was made of. */
  readonly #peers: Map<string, MeshPeer> = new Map();
  readonly #byName: Map<string, TunnelPeer> = new Map();

  /** The same map always. */
  get byName(): ReadonlyMap<string, TunnelPeer> {
    return this.#byName;
  }

  /** @param peer undefined: it is gone */
  set(name: string, peer: MeshPeer | undefined, persistentKeepalive: number): void {
    if (!peer) {
      this.#peers.delete(name);
      this.#byName.delete(name);
      return;
    }
    const before = this.#byName.get(name);
    const isSame = this.#peers.get(name) === peer;
    if (isSame && before?.persistentKeepalive === persistentKeepalive) return;
    this.#peers.set(name, peer);
    this.#byName.set(name, {
      keys: peer.keys.map(({ publicKey }) => publicKey),
      endpoint: peer.endpoint,
      persistentKeepalive,
      allowedIps: isSame && before ? before.allowedIps : allowedIpsOf(peer),
    });
  }
}

/** Those of the node itself too: it may be in another mode than this one. */
function allowedIpsOf({ prefixes, addresses, endpoint }: MeshPeer): readonly Readonly<Cidr>[] {
  const reached = formatAddress(endpoint.address);
  const own = addresses.map((text) => (text === reached ? endpoint.address : parseAddress(text)));
  return [...prefixes, ...own.map(hostPrefix)];
}
