/**
 * Protocol numbers (IANA), and lengths and offsets of IP headers.
 *
 * @module
 */

/** Values of the protocol field of IPv4 and of next header fields of IPv6. */
export const PROTOCOL = {
  HOP_BY_HOP: 0,
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  ICMPV6: 58,
  NO_NEXT_HEADER: 59,
  DESTINATION_OPTIONS: 60,
} as const;

/** Length in bytes of an IPv4 header without options (RFC 791 3.1). */
export const IPV4_HEADER_LENGTH = 20;
/** Length in bytes of the fixed IPv6 header (RFC 8200 3). */
export const IPV6_HEADER_LENGTH = 40;
/** Length in bytes of the Fragment header (RFC 8200 4.5). */
export const FRAGMENT_HEADER_LENGTH = 8;
/**
 * The longest packet in bytes: the length fields of both IP versions have 16 bits. IPv6 jumbograms
 * are not used.
 */
export const MAX_PACKET_LENGTH = 65_535;
/** Every IPv6 link carries packets of this length (RFC 8200 5). */
export const IPV6_MIN_MTU = 1280;
