/**
 * `Endpoint`: the outer address of a peer, with the local address that the peer sends to.
 *
 * @module
 */
import { WireGuardError } from './errors.ts';
import { checkObject, requireInteger } from './field.ts';
import { printAs } from './print-as.ts';
import { quote } from './quote.ts';
import { formatAddress, isMapped } from './text/address.ts';
import { isZone } from './text/scoped-address.ts';
import { MAX_UINT32 } from './text/unsigned.ts';

/**
 * The outer address of a peer. It is immutable, so that all datagrams of a source can share one
 * object. A socket layer keeps its latest endpoints and uses the same object for the same source.
 * So nothing is allocated per datagram, and the engine usually only compares two references.
 *
 * @example
 *
 * ```ts
 * import { Endpoint } from '@litz/core';
 *
 * const endpoint = new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820);
 * console.log(`${endpoint}`); //=> 192.0.2.1:51820
 * ```
 */
export class Endpoint {
  static {
    printAs(this.prototype, (endpoint) => `Endpoint(${endpoint.toString()})`);
  }

  /** 4 bytes (IPv4) or 16 bytes (IPv6, never IPv4-mapped), network order. Do not change it. */
  readonly address: Uint8Array;
  /** 1 to 65535, host order. */
  readonly port: number;
  /** The number of the interface of a link-local IPv6 address; 0 if none is set. */
  readonly scopeId: number;
  /**
   * The interface name of a link-local IPv6 address, `eth0` in `fe80::1%eth0`. It is set in place
   * of `scopeId` if only the name is known. The code that sends must look up the number in its own
   * network namespace; `Device` does so.
   */
  readonly zone: string | undefined;
  /**
   * Sticky source: the local address that the peer sends to, of the same family as `address`.
   * undefined lets the kernel choose.
   */
  readonly sourceAddress: Uint8Array | undefined;
  /**
   * Sticky source: the number of the interface on which a datagram of the peer arrived; 0 if
   * unknown.
   */
  readonly sourceInterface: number;

  /**
   * Creates an endpoint. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is replaced by the IPv4
   * address that it contains, also in `sourceAddress`. Programs with one socket for both families
   * report IPv4 addresses as mapped addresses, but the IPv6 sockets of Litz cannot send to a mapped
   * address.
   *
   * @param address 4 or 16 bytes, kept by reference: the caller must not change them afterwards.
   * @throws {TypeError} `address` is not a Uint8Array of 4 or 16 bytes, or an option has the wrong
   *   type
   * @throws {RangeError} `scopeId` or `sourceInterface` is not an unsigned 32-bit integer
   * @throws {WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`: `port` is not an integer from 1 to 65535
   */
  constructor(
    address: Uint8Array,
    port: number,
    options: {
      scopeId?: number;
      zone?: string;
      sourceAddress?: Uint8Array;
      sourceInterface?: number;
    } = {},
  ) {
    checkAddress(address, 'address');
    checkObject(options, 'options');
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      throw new WireGuardError(
        'ERR_LITZ_INVALID_ENDPOINT',
        `"port" expected 1..65535, got ${port}`,
      );
    }
    const { scopeId = 0, zone, sourceAddress, sourceInterface = 0 } = options;
    requireInteger(scopeId, 'scopeId', 0, MAX_UINT32);
    requireInteger(sourceInterface, 'sourceInterface', 0, MAX_UINT32);
    // A zone is written into files and UAPI requests, so it must be a valid name.
    if (zone !== undefined && !isZone(zone)) {
      throw new TypeError(`"zone" expected the name of an interface, got ${quote(zone)}`);
    }
    if (sourceAddress !== undefined) checkAddress(sourceAddress, 'sourceAddress');
    const isIpv4 = isMapped(address);
    this.address = isIpv4 ? address.subarray(12) : address;
    this.port = port;
    this.scopeId = isIpv4 ? 0 : scopeId;
    this.zone = isIpv4 ? undefined : zone;
    this.sourceAddress =
      sourceAddress && isMapped(sourceAddress) ? sourceAddress.subarray(12) : sourceAddress;
    this.sourceInterface = sourceInterface;
  }

  /**
   * Returns the text that `parseEndpoint` can read: `192.0.2.1:51820`, `[fe80::1%2]:51820`. The
   * source address is not part of the text.
   */
  toString(): string {
    const address = formatAddress(this.address);
    if (this.address.length === 4) return `${address}:${this.port}`;
    const zone = this.zone ?? (this.scopeId || undefined);
    return `[${address}${zone === undefined ? '' : `%${zone}`}]:${this.port}`;
  }

  toJSON(): string {
    return this.toString();
  }

  /** Returns whether address, port, scope and zone are equal. The sticky source is not compared. */
  sameDestination(other: Endpoint): boolean {
    return (
      this === other ||
      (other instanceof Endpoint &&
        this.port === other.port &&
        this.scopeId === other.scopeId &&
        this.zone === other.zone &&
        sameBytes(this.address, other.address))
    );
  }

  /** Returns whether everything is equal, including the sticky source. */
  equals(other: Endpoint): boolean {
    if (this === other) return true;
    if (!this.sameDestination(other) || this.sourceInterface !== other.sourceInterface)
      return false;
    if (!this.sourceAddress || !other.sourceAddress) {
      return this.sourceAddress === other.sourceAddress;
    }
    return sameBytes(this.sourceAddress, other.sourceAddress);
  }

  /**
   * Returns this destination without the sticky source, so that the kernel chooses the source
   * again.
   */
  withoutSource(): Endpoint {
    if (!this.sourceAddress && this.sourceInterface === 0) return this;
    const { address, port, scopeId, zone } = this;
    return new Endpoint(address, port, { scopeId, ...(zone !== undefined && { zone }) });
  }
}

function checkAddress(address: unknown, name: string): void {
  if (address instanceof Uint8Array && (address.length === 4 || address.length === 16)) return;
  const got = address instanceof Uint8Array ? String(address.length) : typeof address;
  throw new TypeError(`"${name}" expected 4 or 16 bytes, got ${got}`);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
