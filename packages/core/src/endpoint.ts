/**
 * The outer address of a peer, with the local address that it talks to.
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
 * Immutable, so that one object can be shared by all datagrams of a source: a socket layer keeps
 * the last endpoints it made and hands out the same object for the same source, and the engine
 * compares by identity first. Nothing is allocated per datagram.
 */
export class Endpoint {
  static {
    printAs(this.prototype, (endpoint) => `Endpoint(${endpoint.toString()})`);
  }

  /** 4 bytes (IPv4) or 16 bytes (IPv6, never a mapped one), network order. Never changed. */
  readonly address: Uint8Array;
  /** 1 to 65535, host order. */
  readonly port: number;
  /** Interface of a link-local IPv6 address by its number, otherwise 0. */
  readonly scopeId: number;
  /**
   * The same by its name, `eth0` of `fe80::1%eth0`, as long as nobody has looked for its number: that
   * is for whoever sends, in the network namespace that he sends in. `Device` does it.
   */
  readonly zone: string | undefined;
  /** Sticky source: the local address the peer sends to, same family as `address`; undefined lets the kernel choose. */
  readonly sourceAddress: Uint8Array | undefined;
  /** Sticky source: the interface a datagram of the peer arrived on, 0 if unknown. */
  readonly sourceInterface: number;

  /**
   * An IPv4 address in the form of IPv6 (`::ffff:192.0.2.1`) becomes the IPv4 address, and so does its
   * source: programs with one socket for both families write it so, but no IPv6 socket of ours sends
   * there.
   *
   * @param address 4 or 16 bytes, kept by reference: the caller must not change them afterwards.
   * @throws {TypeError} `address` is no Uint8Array of 4 or 16 bytes, or an option of the wrong type
   * @throws {RangeError} `scopeId` or `sourceInterface` is no integer of 32 bits
   * @throws {WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`: port outside 1..65535
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
    // What is in a zone is written into files and requests.
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

  /** `192.0.2.1:51820`, `[fe80::1%2]:51820`, which `parseEndpoint` reads. The source has no text. */
  toString(): string {
    const address = formatAddress(this.address);
    if (this.address.length === 4) return `${address}:${this.port}`;
    const zone = this.zone ?? (this.scopeId || undefined);
    return `[${address}${zone === undefined ? '' : `%${zone}`}]:${this.port}`;
  }

  toJSON(): string {
    return this.toString();
  }

  /** Same peer address, port, scope and zone; the sticky source is not compared. */
  sameDestination(other: Endpoint): boolean {
    return (
      this === other ||
      (this.port === other.port &&
        this.scopeId === other.scopeId &&
        this.zone === other.zone &&
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
