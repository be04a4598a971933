/**
 * Checks of one peer: its endpoint, the route to the endpoint, the handshake, and the packets of
 * its allowed IPs. Pure.
 *
 * @module
 */
import { parseAddress, type DropReason, type Endpoint } from '@litz/core';
import { formatEndpoint } from '@litz/config';
import { isPublicAddress } from './public-address.ts';
import { handshakeProblem } from '../show/handshake-problem.ts';
import { checkMtu, checkReverseFilter, checkRoutes } from './check-ways.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import type { Block, PeerFacts, TunnelFacts } from './tunnel-facts.ts';

/** Returns the findings about a peer: one about its handshake, and one for each problem. */
export function checkPeer(peer: PeerFacts, facts: TunnelFacts): Finding[] {
  const heard = hasHandshake(peer, facts);
  return [
    ...checkEndpoint(peer, heard),
    ...checkOuterRoute(peer, facts),
    ...checkReverseFilter(peer, facts),
    ...checkFirewall(peer, facts, heard),
    ...checkPort(peer, heard),
    checkHandshake(peer, facts, heard),
    ...checkRoutes(peer, facts),
    ...checkMtu(peer, facts),
    ...checkKeepalive(peer),
    ...checkDrops(peer),
  ];
}

/**
 * Whether the session of the last handshake is still valid, and the peer still answers: fewer than
 * two initiations are unanswered.
 */
function hasHandshake({ status }: PeerFacts, { nowMs }: TunnelFacts): boolean {
  const { lastHandshakeUnixMs, unansweredInitiations = 0 } = status;
  return nowMs - lastHandshakeUnixMs < SESSION_MS && unansweredInitiations < 2;
}

function checkEndpoint({ key, status, host }: PeerFacts, heard: boolean): Finding[] {
  const subject = 'endpoint';
  const { endpoint } = status;
  if (host?.problem !== undefined) {
    const text = `the name ${host.name} cannot be resolved: ${host.problem}`;
    const remedy = 'Correct Endpoint, or look at the DNS servers: getent hosts NAME';
    return [(heard ? warn : fail)(subject, text, remedy, key)];
  }
  if (!endpoint) {
    if (heard) return [];
    const text = 'the peer has no endpoint, so the peer must send the first message';
    return [warn(subject, text, 'Set Endpoint here, or PersistentKeepalive at the peer', key)];
  }
  if (host && !heard && !host.addresses.some((address) => isAt(endpoint, address, host.port))) {
    const text = `${formatEndpoint(endpoint)} is not an address of ${host.name}, whose addresses are: ${host.addresses.join(', ')}`;
    const remedy =
      'Read the file again: litz reload INTERFACE. A tunnel of litz up and a daemon of litz look the name up again by themselves';
    return [fail(subject, text, remedy, key)];
  }
  return [];
}

function isAt(endpoint: Endpoint, address: string, port: number): boolean {
  return endpoint.port === port && Buffer.compare(endpoint.address, parseAddress(address)) === 0;
}

function checkOuterRoute({ key, status, outer }: PeerFacts, { name }: TunnelFacts): Finding[] {
  const subject = 'route to the peer';
  const { endpoint } = status;
  if (!endpoint || !outer) return [];
  const at = formatEndpoint(endpoint);
  if (outer.link === undefined) {
    const family = endpoint.address.length === 4 ? 'IPv4' : 'IPv6';
    const other = family === 'IPv4' ? 'IPv6' : 'IPv4';
    const text = `there is no route to ${at}`;
    const remedy = `Look at ip route get, and whether this machine has ${family}. If the name in Endpoint has an ${other} address too, use that address`;
    return [fail(subject, text, remedy, key)];
  }
  if (!outer.isLoop) return [];
  const text = `packets to ${at} go into ${name} itself, in a circle`;
  const remedy =
    'The AllowedIPs of the peer contain its endpoint: add a route to the endpoint outside of the tunnel, or use litz up, which sets a firewall mark and routing rules';
  return [fail(subject, text, remedy, key)];
}

function checkFirewall(peer: PeerFacts, { name }: TunnelFacts, heard: boolean): Finding[] {
  return peer.blocks.flatMap(({ way, how, rule }) => {
    const isOuter = way.startsWith('outer');
    // A rule that may drop packets is not reported for inner packets. After a handshake, it is not
    // reported for datagrams either, because the handshake shows that datagrams pass.
    if (how === 'possible' && (heard || !isOuter)) return [];
    const text = `the firewall ${how === 'certain' ? 'drops' : 'may drop'} ${WAYS[way]}: ${rule}`;
    const what = isOuter ? 'the datagrams of the tunnel' : `the packets of ${name}`;
    const remedy = `Accept ${what} before this rule`;
    return [
      (how === 'certain' && !(heard && isOuter) ? fail : warn)('firewall', text, remedy, peer.key),
    ];
  });
}

function checkPort({ key, status, port }: PeerFacts, heard: boolean): Finding[] {
  if (port !== 'refused' || heard) return [];
  const text = `${formatEndpoint(status.endpoint!)} answers that no program has this port (ICMP port unreachable)`;
  const remedy = 'Start WireGuard there, or correct the port in Endpoint';
  return [fail('port', text, remedy, key)];
}

function checkHandshake(peer: PeerFacts, facts: TunnelFacts, heard: boolean): Finding {
  const subject = 'handshake';
  const { key, status, port, knocked } = peer;
  const seconds = Math.max(0, Math.round((facts.nowMs - status.lastHandshakeUnixMs) / 1000));
  if (heard) return ok(subject, `the last one was ${seconds} s ago`, key);
  const { daemon } = facts;
  const { publicKey: privateKey, details } = daemon!;
  const problem =
    handshakeProblem(status, { privateKey, ...(details && { details }) }) ??
    (knocked ? 'a packet was sent to the peer, and there was no handshake' : undefined);
  if (problem !== undefined) return fail(subject, problem, remedyFor(peer, port), key);
  if (!status.endpoint) {
    const text = 'there was no handshake yet: the peer has not sent anything';
    return warn(subject, text, 'Run litz doctor on the other side', key);
  }
  if (status.lastHandshakeUnixMs === 0) {
    const text = 'there was no handshake yet: nothing was sent to the peer';
    return warn(subject, text, 'Send something through the tunnel, for example ping', key);
  }
  return warn(
    subject,
    `the last one was ${seconds} s ago`,
    'Send something through the tunnel, for example ping',
    key,
  );
}

function remedyFor({ status: { drops = {} } }: PeerFacts, port: PeerFacts['port']): string {
  if (drops['invalid-handshake']) {
    return 'Compare on both sides: the public keys (wg show), and the preshared keys';
  }
  if (drops['replayed-initiation']) return 'Set the clock of the peer';
  const known =
    port === 'silent'
      ? 'The port did not refuse a datagram, but this proves little, because many programs ignore unknown datagrams. '
      : '';
  return `${known}Check the other side: does WireGuard run there, and does it have the public key of this interface? Does the firewall accept the port, and does a router forward the port?`;
}

/**
 * Checks whether a keepalive is missing. A NAT router forgets this machine if the machine sends
 * nothing for some time. Then the peer cannot reach this machine.
 */
function checkKeepalive({ key, status, outer }: PeerFacts): Finding[] {
  const { endpoint, persistentKeepalive } = status;
  if (!endpoint || outer?.source === undefined || persistentKeepalive > 0) return [];
  const isBehind =
    !isPublicAddress(parseAddress(outer.source)) && isPublicAddress(endpoint.address);
  if (!isBehind || outer.source.includes(':')) return [];
  const text = `this machine (${outer.source}) is behind NAT, so the peer cannot send first after a pause`;
  const remedy = 'If the peer must be able to send first, set PersistentKeepalive = 25 here';
  return [warn('keepalive', text, remedy, key)];
}

function checkDrops({ key, status: { drops = {} } }: PeerFacts): Finding[] {
  return Object.entries(DROPS).flatMap(([reason, [text, remedy]]) => {
    const count = drops[reason as DropReason];
    return count ? [warn('drops', `${count} ${text} (${reason})`, remedy, key)] : [];
  });
}

/** Reject-After-Time: a session is valid for this time after its handshake. */
const SESSION_MS = 180_000;
const WAYS: Readonly<Record<Block['way'], string>> = {
  'outer-out': 'datagrams to the peer',
  'outer-in': 'datagrams of the peer',
  'inner-out': 'packets into the tunnel',
  'inner-in': 'packets out of the tunnel',
};
/** The drop reasons that show a mistake. The daemon counts drops since its start. */
const DROPS: Readonly<Partial<Record<DropReason, readonly [text: string, remedy: string]>>> = {
  'replayed-initiation': [
    'handshake messages of the peer were too old: its clock went back, or somebody replays them',
    'Set the clock of the peer',
  ],
  'invalid-handshake': [
    'handshake messages were made with other keys or another preshared key',
    'Compare the public keys and the preshared keys of both sides',
  ],
  'disallowed-source': [
    'packets of the peer had a source that is not in its AllowedIPs',
    'Add this source to the AllowedIPs of the peer here, or use SNAT at the peer',
  ],
  'packet-too-big': [
    'packets were longer than the MTU',
    'Set the MTU of the interface lower, or look at who sends them',
  ],
};
