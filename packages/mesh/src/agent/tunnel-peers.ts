/**
 * `TunnelPeers`: the accepted peers in the form that the daemon needs, updated one peer at a time.
 *
 * @module
 */
import { formatAddress, parseAddress, type Cidr } from '@litz/core';
import type { TunnelPeer } from '../daemon/tunnel-config.ts';
import type { MeshPeer } from '../membership/mesh-peer.ts';
import { hostPrefix } from '../record/cidr-relations.ts';

export class TunnelPeers {
  /** The accepted peers from which `#byName` was made. */
  readonly #peers: Map<string, MeshPeer> = new Map();
  readonly #byName: Map<string, TunnelPeer> = new Map();

  /** The peers by name, always the same map. */
  get byName(): ReadonlyMap<string, TunnelPeer> {
    return this.#byName;
  }

  /**
   * Adds, changes or removes a peer.
   *
   * @param peer undefined: the peer was removed
   * @param persistentKeepalive in seconds
   */
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

/**
 * Returns the prefixes of the peer's pods and the addresses of its node. The addresses are always
 * included, because the peer may run in another mode than this node.
 */
function allowedIpsOf({ prefixes, addresses, endpoint }: MeshPeer): readonly Readonly<Cidr>[] {
  const reached = formatAddress(endpoint.address);
  const own = addresses.map((text) => (text === reached ? endpoint.address : parseAddress(text)));
  // `concat` makes an array of the exact size. An array literal with a spread has space for 17 more
  // entries.
  return (prefixes as readonly Readonly<Cidr>[]).concat(own.map(hostPrefix));
}
