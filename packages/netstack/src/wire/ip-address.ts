/**
 * `IpAddress`: an IPv4 or IPv6 address as four words, which are compared without an allocation.
 *
 * An IPv4 address is the last word; the others are 0. The version tells it from an IPv6 address.
 *
 * @module
 */
import { formatAddress, parseAddress } from '@litz/core';
import { readInt32, writeInt32 } from './bytes.ts';

/** An address. The words are signed, in network order. */
export class IpAddress {
  /** 4 or 6. */
  version: 4 | 6 = 4;
  word0: number = 0;
  word1: number = 0;
  word2: number = 0;
  word3: number = 0;

  /**
   * Returns a new address.
   *
   * @param address a text, or 4 or 16 bytes, which are copied
   * @throws {WireGuardError} `ERR_LITZ_INVALID_ADDRESS`: the text is not an address
   * @throws {TypeError} neither a text nor 4 or 16 bytes
   */
  static from(address: string | Uint8Array): IpAddress {
    const bytes = typeof address === 'string' ? parseAddress(address) : address;
    if (!(bytes instanceof Uint8Array) || (bytes.length !== 4 && bytes.length !== 16)) {
      throw new TypeError('"address" expected a string, or a Uint8Array of 4 or 16 bytes');
    }
    const result = new IpAddress();
    result.read(bytes, 0, bytes.length === 4 ? 4 : 6);
    return result;
  }

  /** Reads the 4 or 16 bytes at `offset`. */
  read(buffer: Uint8Array, offset: number, version: 4 | 6): void {
    this.version = version;
    if (version === 4) {
      this.word0 = this.word1 = this.word2 = 0;
      this.word3 = readInt32(buffer, offset);
      return;
    }
    this.word0 = readInt32(buffer, offset);
    this.word1 = readInt32(buffer, offset + 4);
    this.word2 = readInt32(buffer, offset + 8);
    this.word3 = readInt32(buffer, offset + 12);
  }

  /** Writes 4 or 16 bytes at `offset`. */
  write(buffer: Uint8Array, offset: number): void {
    if (this.version === 4) {
      writeInt32(buffer, offset, this.word3);
      return;
    }
    writeInt32(buffer, offset, this.word0);
    writeInt32(buffer, offset + 4, this.word1);
    writeInt32(buffer, offset + 8, this.word2);
    writeInt32(buffer, offset + 12, this.word3);
  }

  /** Takes the value of another address. */
  copy(other: IpAddress): void {
    this.version = other.version;
    this.word0 = other.word0;
    this.word1 = other.word1;
    this.word2 = other.word2;
    this.word3 = other.word3;
  }

  equals(other: IpAddress): boolean {
    return (
      this.word3 === other.word3 &&
      this.version === other.version &&
      this.word0 === other.word0 &&
      this.word1 === other.word1 &&
      this.word2 === other.word2
    );
  }

  /** Whether this is the address of a group: 224.0.0.0/4, ff00::/8 (RFC 5771, RFC 4291 2.7). */
  get isMulticast(): boolean {
    return this.version === 4 ? this.word3 >>> 28 === 0xe : this.word0 >>> 24 === 0xff;
  }

  /** Whether this is 0.0.0.0 or ::. */
  get isUnspecified(): boolean {
    return (this.word0 | this.word1 | this.word2 | this.word3) === 0;
  }

  /** Whether this is 127.0.0.0/8 or ::1. */
  get isLoopback(): boolean {
    if (this.version === 4) return this.word3 >>> 24 === 127;
    return (this.word0 | this.word1 | this.word2) === 0 && this.word3 === 1;
  }

  /**
   * Whether this can be the address of one host: not a group, not unspecified, not in 240.0.0.0/4
   * (which includes 255.255.255.255), not in 0.0.0.0/8, and not an IPv4-mapped address (RFC 1122
   * 3.2.1.3, RFC 4291 2.5).
   */
  get isHost(): boolean {
    if (this.version === 4) {
      const first = this.word3 >>> 24;
      return first !== 0 && first < 224;
    }
    const isMapped = (this.word0 | this.word1) === 0 && this.word2 === 0xffff;
    return !this.isMulticast && !this.isUnspecified && !isMapped;
  }

  /** Returns how many leading bits are equal; 0 if the versions differ. */
  commonBits(other: IpAddress): number {
    if (this.version !== other.version) return 0;
    if (this.version === 4) return Math.clz32(this.word3 ^ other.word3);
    let bits = Math.clz32(this.word0 ^ other.word0);
    if (bits === 32) bits += Math.clz32(this.word1 ^ other.word1);
    if (bits === 64) bits += Math.clz32(this.word2 ^ other.word2);
    if (bits === 96) bits += Math.clz32(this.word3 ^ other.word3);
    return bits;
  }

  /** Returns 4 or 16 new bytes. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.version === 4 ? 4 : 16);
    this.write(bytes, 0);
    return bytes;
  }

  /** Returns the text, as `formatAddress` of core writes it. */
  toString(): string {
    return formatAddress(this.toBytes());
  }
}
