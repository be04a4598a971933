/**
 * `IpFields`: what the IP headers of a received packet say.
 *
 * @module
 */
import { IpAddress } from './ip-address.ts';

/** The fields. The buffer is not copied. All fields are valid until the next packet is read. */
export class IpFields {
  buffer: Uint8Array = NO_BYTES;
  offset: number = 0;
  /** The length that the header states, in bytes. Bytes after that length are padding. */
  length: number = 0;
  version: 4 | 6 = 4;
  /** TOS or traffic class, 8 bits. The low two are ECN (RFC 3168). */
  trafficClass: number = 0;
  /** TTL or hop limit. */
  hopLimit: number = 0;
  readonly source: IpAddress = new IpAddress();
  readonly destination: IpAddress = new IpAddress();
  /** The protocol of the transport header, after all extension headers. */
  protocol: number = 0;
  /** Where `protocol` is in `buffer`. */
  protocolPointer: number = 0;
  /** Where the transport header begins in `buffer`; for a fragment, where its data begins. */
  transport: number = 0;

  /** Whether this is one of several fragments. An IPv6 atomic fragment is not (RFC 6946). */
  isFragment: boolean = false;
  identification: number = 0;
  /** Position of the first byte of this fragment in the data, in bytes. */
  fragmentOffset: number = 0;
  hasMoreFragments: boolean = false;
  /** IPv6: where `buffer` has the field "next header" that announces the Fragment header. */
  fragmentPointer: number = 0;
  /** IPv6: where the Fragment header is in `buffer`. */
  fragmentHeader: number = 0;

  /** The code of the Parameter Problem to answer, if an extension header is wrong; -1: none is. */
  problemCode: number = -1;
  /** The offset in the packet of the field that is wrong. */
  problemPointer: number = 0;
  /** Whether the problem is also answered if the destination is a group (RFC 8200 4.2). */
  answersGroup: boolean = false;

  /** The number of bytes from the transport header to the end. */
  get transportLength(): number {
    return this.offset + this.length - this.transport;
  }
}

const NO_BYTES = new Uint8Array(0);
