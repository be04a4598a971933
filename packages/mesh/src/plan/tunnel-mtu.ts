/**
 * Computes the size of the largest packets that fit through the tunnel, so that the tunnel's
 * datagrams are not fragmented. Pure.
 *
 * @module
 */

/** The facts that decide about the MTU of the tunnel. */
export interface MtuInput {
  /** MTU of the underlay in bytes; undefined: no route to a peer is known. */
  readonly underlay: number | undefined;
  /** Whether all peers are reached by IPv4. */
  readonly outerIpv4: boolean;
}

/** Returns the MTU of the tunnel's interface in bytes. */
export function tunnelMtu(input: MtuInput, { hasIpv6 }: { readonly hasIpv6: boolean }): number {
  const least = hasIpv6 ? LEAST_MTU_IPV6 : LEAST_MTU_IPV4;
  return Math.min(Math.max(fitting(input), least), LARGEST_MTU);
}

/**
 * Returns the MTU for IPv4 packets in bytes, if it must be less than the MTU of the interface. This
 * happens only with IPv6, because then the interface has an MTU of at least 1280. Undefined: the
 * MTU of the interface is right for IPv4 too.
 *
 * WireGuard pads a packet to a multiple of 16 bytes, but never beyond the MTU of the interface
 * (paper, section 5.4.6). Here the MTU of the interface is larger than the packets that fit through
 * the tunnel, so it does not limit the padding. The result is a multiple of 16, so that padding
 * never makes a packet longer than the result.
 */
export function ipv4Mtu(
  input: MtuInput,
  { hasIpv6 }: { readonly hasIpv6: boolean },
): number | undefined {
  if (!hasIpv6) return undefined;
  const mtu = Math.max(fitting(input), LEAST_MTU_IPV4);
  return mtu < LEAST_MTU_IPV6 ? mtu - (mtu % PADDING) : undefined;
}

function fitting({ underlay = DEFAULT_UNDERLAY_MTU, outerIpv4 }: MtuInput): number {
  return underlay - (outerIpv4 ? OVERHEAD_IPV4 : OVERHEAD_IPV6);
}

/**
 * Bytes that the tunnel adds to a packet: IPv4 20 or IPv6 40, UDP 8, WireGuard's header 16 and its
 * tag 16.
 */
const OVERHEAD_IPV4 = 60;
const OVERHEAD_IPV6 = 80;
/** Packets are padded to a multiple of this many bytes. */
const PADDING = 16;
/** The underlay's MTU while no route to a peer is known. */
const DEFAULT_UNDERLAY_MTU = 1500;
/** The tunnel's MTU is never below these. A link with IPv6 needs 1280 (RFC 8200, section 5). */
const LEAST_MTU_IPV6 = 1280;
const LEAST_MTU_IPV4 = 576;
/**
 * The largest MTU of the tunnel in bytes. With padding and the 32 bytes of WireGuard, a packet of
 * this size fits into a UDP datagram over IPv4, which holds 65,507 bytes.
 */
const LARGEST_MTU = 65456;
