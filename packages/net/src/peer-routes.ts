/**
 * `PeerRoutes`: finds the peer to which an address belongs. The routes are read only when something
 * is wrong, so they are not kept.
 *
 * @module
 */
import { formatKey, parseAddress, type PeerStatus, type PublicKey } from '@litz/core';
import { AllowedIps, keyId } from '@litz/core/internals';
import type { Device } from '@litz/device';

export class PeerRoutes {
  readonly #routes: AllowedIps<PeerStatus> = new AllowedIps<PeerStatus>();

  /** Resolves to the present routes. If the device is closed, there are none. */
  static async read(device: Pick<Device, 'peers'>): Promise<PeerRoutes> {
    const routes = new PeerRoutes();
    const peers = await device.peers().catch(() => []);
    for (const peer of peers) {
      peer.presharedKey?.fill(0);
      for (const { address, prefixLength } of peer.allowedIps) {
        routes.#routes.insert(address, prefixLength, peer);
      }
    }
    return routes;
  }

  /** Whether packets to this address go to this peer. */
  belongsTo(address: string, peer: PublicKey): boolean {
    const found = this.#find(address);
    return found !== undefined && keyId(found.publicKey) === keyId(peer);
  }

  /** Returns a name like `xTIB…p8Dg= at 192.0.2.1:51820`; undefined: no peer has this address. */
  describe(address: string): string | undefined {
    const peer = this.#find(address);
    return peer && describePeer(peer);
  }

  #find(address: string): PeerStatus | undefined {
    const bytes = parseAddress(address);
    return this.#routes.lookup(bytes, 0, bytes.length as 4 | 16);
  }
}

function describePeer({ publicKey, endpoint }: PeerStatus): string {
  const key = formatKey(publicKey);
  const where = endpoint ? ` at ${endpoint.toString()}` : ', whose endpoint is not known';
  return `${key.slice(0, 4)}…${key.slice(-5)}${where}`;
}
