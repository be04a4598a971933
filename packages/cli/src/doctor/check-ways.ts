/**
 * Checks of routes, MTU and reverse path filter. Pure.
 *
 * @module
 */
import { fail, warn, type Finding } from './finding.ts';
import type { PeerFacts, TunnelFacts } from './tunnel-facts.ts';

/** Checks whether packets to the addresses of a peer go into the tunnel. */
export function checkRoutes({ key, inner }: PeerFacts, { name, link }: TunnelFacts): Finding[] {
  const subject = 'route into the tunnel';
  if (inner.length === 0) {
    const text =
      'the peer has no AllowedIPs, so no packet goes to the peer, and none of its packets is accepted';
    return [fail('allowed IPs', text, 'Set AllowedIPs to the addresses behind the peer', key)];
  }
  if (link?.up !== true) return [];
  return inner
    .filter((way) => way.link !== name)
    .map(({ prefix, address, link: other }) => {
      const where = other === undefined ? 'have no route' : `go to ${other}`;
      const text = `packets to ${address}, which is in the AllowedIPs ${prefix}, ${where}`;
      const more =
        other === undefined
          ? ''
          : `. If these packets must go to ${other}, remove the prefix from AllowedIPs`;
      const remedy = `Add a route: ip route add ${prefix} dev ${name}. litz up adds it by itself${more}`;
      return fail(subject, text, remedy, key);
    });
}

/**
 * Checks whether a full packet with the overhead of the tunnel fits into the MTU of the way to the
 * endpoint.
 */
export function checkMtu(
  { key, status, outer }: PeerFacts,
  { name, link }: TunnelFacts,
): Finding[] {
  const { endpoint } = status;
  if (!endpoint || !link || outer?.mtu === undefined || outer.isLoop) return [];
  const overhead = endpoint.address.length === 4 ? OVERHEAD_V4 : OVERHEAD_V6;
  const largest = outer.mtu - overhead;
  if (link.mtu <= largest) return [];
  const text = `${link.mtu} is too large: the way over ${outer.link} takes at most ${outer.mtu} bytes, and the tunnel adds ${overhead} bytes to each packet. Long packets are lost or fragmented`;
  return [
    warn(
      'MTU',
      text,
      `Set a smaller MTU: ip link set ${name} mtu ${largest}, or MTU = ${largest} in the file`,
      key,
    ),
  ];
}

/**
 * Checks the reverse path filter if the tunnel has a default route that depends on a firewall
 * mark. A strict filter accepts a packet only from the link to which the route to its sender
 * leads. For a datagram of the peer, the filter looks up this route without the mark, and finds
 * the tunnel. So it drops the datagram, which came from another link.
 */
export function checkReverseFilter({ key, outer }: PeerFacts, facts: TunnelFacts): Finding[] {
  const { name, daemon, reversePathFilters, marksAreValid } = facts;
  if (!outer?.link || outer.isLoop || daemon!.fwmark === 0) return [];
  if (outer.unmarkedLink !== name || marksAreValid) return [];
  if (reversePathFilters.get(outer.link) !== 1) return [];
  const text = `the reverse path filter is strict on ${outer.link} and does not look at the mark, so it drops what the peer sends`;
  return [
    fail(
      'rp_filter',
      text,
      'Let the filter look at the mark: sysctl net.ipv4.conf.all.src_valid_mark=1',
      key,
    ),
  ];
}

/** In bytes: the IP header, the UDP header, and the header and the tag of the message. */
const OVERHEAD_V4 = 60;
const OVERHEAD_V6 = 80;
