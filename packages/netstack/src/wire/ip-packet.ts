/**
 * `IpPacket`: the IP header of a received packet, read into a record that is reused.
 *
 * `read` reads the fixed headers, IPv4 options and the extension headers of IPv6 up to the
 * transport header or the Fragment header. It verifies the checksum of an IPv4 header. Whether the
 * packet is for us is not decided here.
 *
 * @module
 */
import { sumBytes } from '@litz/core/internals';
import type { DropReason } from '../drop-reason.ts';
import { readInt32, readUint16 } from './bytes.ts';
import { readExtensionHeaders } from './extension-headers.ts';
import { IpFields } from './ip-fields.ts';
import { IPV4_HEADER_LENGTH, IPV6_HEADER_LENGTH } from './protocol.ts';

/** A received packet. The buffer is not copied. The fields are valid until the next `read`. */
export class IpPacket extends IpFields {
  /**
   * Reads the headers of a packet.
   *
   * @param length how many bytes are there; if the header states more, the packet is malformed
   * @param isTrusted whether the checksum of the IPv4 header is known to be right
   * @returns why the packet must be dropped; undefined if it is good
   */
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    isTrusted: boolean = false,
  ): DropReason | undefined {
    this.buffer = buffer;
    this.offset = offset;
    this.isFragment = false;
    this.hasMoreFragments = false;
    this.fragmentOffset = 0;
    this.problemCode = -1;
    if (length < IPV4_HEADER_LENGTH) return 'malformed-ip';
    const version = buffer[offset] >>> 4;
    if (version === 4) return this.#readIpv4(length, isTrusted);
    return version === 6 ? this.#readIpv6(length) : 'malformed-ip';
  }

  #readIpv4(length: number, isTrusted: boolean): DropReason | undefined {
    const { buffer, offset } = this;
    const header = (buffer[offset] & 0x0f) * 4;
    const total = readUint16(buffer, offset + 2);
    // RFC 1122 3.2.1.1, 3.2.1.2: packets with a wrong version, length or checksum are dropped
    // silently.
    if (header < IPV4_HEADER_LENGTH || total < header || total > length) return 'malformed-ip';
    if (!isTrusted && sumBytes(buffer, offset, header) !== 0xffff) return 'bad-ip-checksum';
    this.version = 4;
    this.length = total;
    this.trafficClass = buffer[offset + 1];
    this.identification = readUint16(buffer, offset + 4);
    const fragment = readUint16(buffer, offset + 6);
    this.hasMoreFragments = (fragment & 0x2000) !== 0;
    this.fragmentOffset = (fragment & 0x1fff) * 8;
    this.isFragment = this.hasMoreFragments || this.fragmentOffset > 0;
    this.hopLimit = buffer[offset + 8];
    this.protocol = buffer[offset + 9];
    this.protocolPointer = offset + 9;
    this.source.read(buffer, offset + 12, 4);
    this.destination.read(buffer, offset + 16, 4);
    this.transport = offset + header;
    return header === IPV4_HEADER_LENGTH ? undefined : this.#readOptions();
  }

  /** Reads the options (RFC 791 3.1). They are skipped (RFC 1122 3.2.1.8), except source routes. */
  #readOptions(): DropReason | undefined {
    const { buffer, transport } = this;
    for (let at = this.offset + IPV4_HEADER_LENGTH; at < transport;) {
      const type = buffer[at];
      if (type === END_OF_OPTIONS) break;
      if (type === NO_OPERATION) {
        at++;
        continue;
      }
      const length = at + 1 < transport ? buffer[at + 1] : 0;
      if (length < 2 || at + length > transport) return 'malformed-ip';
      // RFC 7126 4.3, 4.4: packets with a source route are dropped.
      if (type === LOOSE_SOURCE_ROUTE || type === STRICT_SOURCE_ROUTE) return 'source-route';
      at += length;
    }
    return undefined;
  }

  #readIpv6(length: number): DropReason | undefined {
    const { buffer, offset } = this;
    if (length < IPV6_HEADER_LENGTH) return 'malformed-ip';
    const total = IPV6_HEADER_LENGTH + readUint16(buffer, offset + 4);
    if (total > length) return 'malformed-ip';
    this.version = 6;
    this.length = total;
    this.trafficClass = (readInt32(buffer, offset) >>> 20) & 0xff;
    this.hopLimit = buffer[offset + 7];
    this.source.read(buffer, offset + 8, 6);
    this.destination.read(buffer, offset + 24, 6);
    this.protocol = buffer[offset + 6];
    this.transport = offset + IPV6_HEADER_LENGTH;
    return readExtensionHeaders(this, offset + 6);
  }
}

const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;
const LOOSE_SOURCE_ROUTE = 131;
const STRICT_SOURCE_ROUTE = 137;
