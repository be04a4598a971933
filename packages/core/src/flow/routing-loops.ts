/**
 * `RoutingLoops`: finds our own datagrams that come back as packets and would loop for ever.
 *
 * If the route to the endpoint of a peer A leads into the interface, each datagram for A comes back
 * as a packet. This is legitimate if the packet belongs to another peer B: A is then reached inside
 * B's tunnel (onion routing). It is a loop if the packet belongs to A itself, or to a peer whose
 * own datagrams travel inside A's tunnel:
 *
 * ```
 *  datagram for A -> packet for B -> datagram for B -> out           A is reached inside B
 *  datagram for A -> packet for A                                    loop
 *  datagram for A -> packet for B -> datagram for B -> packet for A  loop
 * ```
 * Our messages are recognized by an index: a handshake message by its sender index, which we chose,
 * and a transport message by its receiver index, which the peer chose. So a message of another
 * WireGuard that is forwarded through the tunnel is mistaken for ours only if it has the same
 * random index. The kernel has no such check: there, a loop ends when the packet grows beyond the
 * MTU. A loop of Litz would not end, because datagrams longer than the MTU are fragmented.
 *
 * @module
 */
import { MESSAGE_TYPE, TRANSPORT_OVERHEAD } from '../constants.ts';
import type { Keypair } from '../peer/keypairs.ts';
import type { Peer } from '../peer/peer.ts';
import type { SenderIndexTable } from '../peer/sender-index.ts';
import type { StaticPair } from '../peer/static-pair.ts';
import {
  IPV4_DESTINATION,
  IPV4_SOURCE,
  IPV6_DESTINATION,
  IPV6_HEADER_LENGTH,
  IPV6_SOURCE,
} from '../wire/ip-packet.ts';
import { readInt32 } from '../wire/int32.ts';
import type { PacketRun } from '../wire/packet-run.ts';

export class RoutingLoops {
  readonly #indices: SenderIndexTable<StaticPair<Peer>, Keypair<Peer>>;
  /**
   * Hashes (`identityOf`) of the fragmented datagrams that were dropped last. Later fragments of
   * these datagrams are dropped too.
   */
  readonly #dropped = new Int32Array(REMEMBERED_DATAGRAMS);
  #nextDropped = 0;

  constructor(indices: SenderIndexTable<StaticPair<Peer>, Keypair<Peer>>) {
    this.#indices = indices;
  }

  /**
   * Returns whether the packets of a run, which are routed to `peer`, are our own datagrams that
   * would loop. Every packet must contain a whole IP header.
   */
  contain(run: PacketRun, peer: Peer, now: number): boolean {
    const { buffer, offset, length } = run;
    const isIPv4 = buffer[offset] >>> 4 === 4;
    const protocol = buffer[offset + (isIPv4 ? IPV4_PROTOCOL : IPV6_NEXT_HEADER)];
    // Nearly all packets return here.
    if (protocol !== UDP && (isIPv4 || protocol !== FRAGMENT)) return false;
    const udp = offset + (isIPv4 ? (buffer[offset] & 0xf) * 4 : ipv6HeadersLength(protocol));
    const fragment = fragmentOf(buffer, offset, isIPv4, protocol);
    if (fragment !== NO_FRAGMENT && fragment !== FIRST_FRAGMENT) {
      return this.#dropped.includes(identityOf(buffer, offset, isIPv4));
    }
    if (udp + UDP_HEADER_LENGTH + TRANSPORT_OVERHEAD > offset + length) return false;
    if (!isIPv4 && protocol === FRAGMENT && buffer[offset + IPV6_HEADER_LENGTH] !== UDP)
      return false;
    if (!this.#goesRound(buffer, udp + UDP_HEADER_LENGTH, peer, now)) return false;
    if (fragment === FIRST_FRAGMENT) this.#remember(identityOf(buffer, offset, isIPv4));
    return true;
  }

  /**
   * Returns whether the UDP payload at `offset` is a message of ours that would loop if sent to
   * `peer`.
   */
  #goesRound(buffer: Uint8Array, offset: number, peer: Peer, now: number): boolean {
    if ((buffer[offset + 1] | buffer[offset + 2] | buffer[offset + 3]) !== 0) return false;
    const index = readInt32(buffer, offset + INDEX);
    switch (buffer[offset]) {
      case MESSAGE_TYPE.TRANSPORT_DATA:
        return this.#sessionGoesRound(index, peer, now);
      case MESSAGE_TYPE.HANDSHAKE_INITIATION:
      case MESSAGE_TYPE.HANDSHAKE_RESPONSE: {
        const addressee = (this.#indices.handshake(index) ?? this.#indices.keypair(index))?.peer;
        if (!addressee) return false;
        if (isLoop(addressee, peer, now)) return true;
        carry(addressee, peer, now);
        return false;
      }
      default:
        return false;
    }
  }

  /**
   * Does the same as `#goesRound` for a transport message. Peers that cooperate can choose the same
   * index for their sessions. The message may then be for any of these peers, so all are checked.
   */
  #sessionGoesRound(index: number, peer: Peer, now: number): boolean {
    const session = this.#indices.remote(index);
    if (!session) return false;
    const others = this.#indices.sharing(index);
    if (isLoop(session.peer, peer, now)) return true;
    for (const other of others) if (isLoop(other.peer, peer, now)) return true;
    carry(session.peer, peer, now);
    for (const other of others) carry(other.peer, peer, now);
    return false;
  }

  #remember(identity: number): void {
    this.#dropped[this.#nextDropped] = identity;
    this.#nextDropped = (this.#nextDropped + 1) % REMEMBERED_DATAGRAMS;
  }
}

/**
 * Returns whether a datagram for `addressee` that is sent as a packet to `peer` would come back.
 */
function isLoop(addressee: Peer, peer: Peer, now: number): boolean {
  return addressee === peer || isReachedInside(peer, addressee, now);
}

/** Records that `addressee` is reached inside `peer`. */
function carry(addressee: Peer, peer: Peer, now: number): void {
  addressee.carrier = peer;
  addressee.carriedAt = now;
}

/**
 * Returns whether datagrams for `inner` travel inside the tunnel of `outer`, directly or through
 * other peers.
 */
function isReachedInside(inner: Peer, outer: Peer, now: number): boolean {
  let carrier: Peer | undefined = inner;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (now - carrier.carriedAt >= CARRIER_LIFETIME_MS) return false;
    carrier = carrier.carrier;
    if (!carrier) return false;
    if (carrier === outer) return true;
  }
  // A longer chain is treated as a loop. Real tunnels are not nested this deep.
  return true;
}

function ipv6HeadersLength(nextHeader: number): number {
  return nextHeader === FRAGMENT ? IPV6_HEADER_LENGTH + FRAGMENT_HEADER_LENGTH : IPV6_HEADER_LENGTH;
}

function fragmentOf(
  buffer: Uint8Array,
  offset: number,
  isIPv4: boolean,
  protocol: number,
): typeof NO_FRAGMENT | typeof FIRST_FRAGMENT | typeof LATER_FRAGMENT {
  if (isIPv4) {
    const field = ((buffer[offset + 6] << 8) | buffer[offset + 7]) & 0x3fff;
    if (field === 0) return NO_FRAGMENT;
    return (field & 0x1fff) === 0 ? FIRST_FRAGMENT : LATER_FRAGMENT;
  }
  if (protocol !== FRAGMENT) return NO_FRAGMENT;
  const at = offset + IPV6_HEADER_LENGTH + 2;
  return (((buffer[at] << 8) | buffer[at + 1]) & 0xfff8) === 0 ? FIRST_FRAGMENT : LATER_FRAGMENT;
}

/**
 * Returns a hash of the identification field and of the last 4 bytes of both addresses of a
 * fragmented datagram. The hash is never 0.
 */
function identityOf(buffer: Uint8Array, offset: number, isIPv4: boolean): number {
  const id = isIPv4
    ? (buffer[offset + 4] << 8) | buffer[offset + 5]
    : readInt32(buffer, offset + IPV6_HEADER_LENGTH + 4);
  const source = readInt32(buffer, offset + (isIPv4 ? IPV4_SOURCE : IPV6_SOURCE + 12));
  const destination = readInt32(
    buffer,
    offset + (isIPv4 ? IPV4_DESTINATION : IPV6_DESTINATION + 12),
  );
  const mixed = Math.imul(Math.imul(id, 0x9e3779b1) ^ source, 0x85ebca6b) ^ destination;
  return mixed === 0 ? 1 : mixed;
}

const UDP = 17;
/** The Fragment header, RFC 8200 section 4.5. */
const FRAGMENT = 44;
const FRAGMENT_HEADER_LENGTH = 8;
const IPV4_PROTOCOL = 9;
const IPV6_NEXT_HEADER = 6;
const UDP_HEADER_LENGTH = 8;
/**
 * Offset of the receiver index in transport data, and of the sender index in handshake messages.
 */
const INDEX = 4;
/**
 * How many dropped datagrams are remembered. Few are enough, because the other fragments follow the
 * first one at once.
 */
const REMEMBERED_DATAGRAMS = 16;
/** The longest chain of nested tunnels that is followed. */
const MAX_DEPTH = 16;
/**
 * How long we remember, in milliseconds, that a peer is reached inside the tunnel of another peer.
 * In a loop the next packet comes within a millisecond. After a change of routes, old knowledge
 * must soon stop blocking a peer.
 */
const CARRIER_LIFETIME_MS = 1000;
const NO_FRAGMENT = 0;
const FIRST_FRAGMENT = 1;
const LATER_FRAGMENT = 2;
