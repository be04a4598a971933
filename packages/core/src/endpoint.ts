/**
 * The outer address of a peer, with the local address that it talks to.
 *
 * @module
 */
import { WireGuardError } from './errors.ts';

/**
 * Immutable, so that one object can be shared by all datagrams of a source: a socket layer keeps
 * the last endpoints it made and hands out the same object for the same source, and the engine
 * compares by identity first. Nothing is allocated per datagram.
 */
export class Endpoint {
  /** 4 bytes (IPv4) or 16 bytes (IPv6), network order. Never changed after construction. */
  readonly address: Uint8Array;
  /** 1 to 65535, host order. */
  readonly port: number;
  /** Interface of a link-local IPv6 address, otherwise 0. */
  readonly scopeId: number;
  /** Sticky source: the local address the peer sends to, same family as `address`; undefined lets the kernel choose. */
  readonly sourceAddress: Uint8Array | undefined;
  /** Sticky source: the interface a datagram of the peer arrived on, 0 if unknown. */
  readonly sourceInterface: number;

  /**
   * @param address 4 or 16 bytes, kept by reference: the caller must not change them afterwards.
   * @throws {TypeError} `address` has another length
   * @throws {WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`: port outside 1..65535
   */
  constructor(
    address: Uint8Array,
    port: number,
    options: { scopeId?: number; sourceAddress?: Uint8Array; sourceInterface?: number } = {},
  ) {
    if (address.length !== 4 && address.length !== 16) {
      throw new TypeError(`"address" expected 4 or 16 bytes, got ${address.length}`);
    }
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      throw new WireGuardError(
        'ERR_LITZ_INVALID_ENDPOINT',
        `"port" expected 1..65535, got ${port}`,
      );
    }
    this.address = address;
    this.port = port;
    this.scopeId = options.scopeId ?? 0;
    this.sourceAddress = options.sourceAddress;
    this.sourceInterface = options.sourceInterface ?? 0;
  }

  /** Same peer address, port and scope; the sticky source is not compared. */
  sameDestination(other: Endpoint): boolean {
    return (
      this === other ||
      (this.port === other.port &&
        this.scopeId === other.scopeId &&
        sameBytes(this.address, other.address))
    );
  }

  /** Same in everything, sticky source included. */
  equals(other: Endpoint): boolean {
    if (this === other) return true;
    if (!this.sameDestination(other) || this.sourceInterface !== other.sourceInterface)
      return false;
    if (!this.sourceAddress || !other.sourceAddress) {
      return this.sourceAddress === other.sourceAddress;
    }
    return sameBytes(this.sourceAddress, other.sourceAddress);
  }

  /** This destination with the kernel choosing the source again. */
  withoutSource(): Endpoint {
    if (!this.sourceAddress && this.sourceInterface === 0) return this;
    return new Endpoint(this.address, this.port, { scopeId: this.scopeId });
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
