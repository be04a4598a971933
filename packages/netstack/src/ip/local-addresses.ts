/**
 * `LocalAddresses`: the addresses of a stack, and the choice of the address to send from.
 *
 * @module
 */
import type { IpAddress } from '../wire/ip-address.ts';

export class LocalAddresses {
  readonly #addresses: IpAddress[] = [];

  /** Adds an address. It is kept by reference. */
  add(address: IpAddress): void {
    if (!this.has(address)) this.#addresses.push(address);
  }

  /** Whether a packet to this address is for the stack. */
  has(address: IpAddress): boolean {
    // A stack has a few addresses, so a loop is faster than a table.
    for (let i = 0; i < this.#addresses.length; i++) {
      if (this.#addresses[i].equals(address)) return true;
    }
    return false;
  }

  /**
   * Returns the address to send from: the one that has the most leading bits in common with the
   * destination (RFC 6724 5, rule 8); if several have equally many, the first of them. Returns
   * undefined if the stack has no address of the version of the destination.
   */
  sourceFor(destination: IpAddress): IpAddress | undefined {
    let best: IpAddress | undefined;
    let most = -1;
    for (const address of this.#addresses) {
      if (address.version !== destination.version) continue;
      const bits = address.commonBits(destination);
      if (bits > most) {
        best = address;
        most = bits;
      }
    }
    return best;
  }

  [Symbol.iterator](): Iterator<IpAddress> {
    return this.#addresses[Symbol.iterator]();
  }
}
