/**
 * Why a datagram or packet was dropped. Network input never throws: consumers return one of these,
 * and it is counted per engine and, where the peer is known, per peer.
 *
 * @module
 */
import type { Endpoint } from './endpoint.ts';
import type { PublicKey } from './keys.ts';

/** Every reason, in a fixed order: the position is the index into `DropCounters`. */
export const DROP_REASONS = [
  // inbound, before authentication
  'too-short',
  'unknown-message-type',
  'reserved-bits-set',
  'wrong-length',
  'bad-mac1',
  'under-load', // cookie reply sent instead
  'rate-limited',
  'handshake-overflow', // more handshake messages than there is time for
  'unknown-index',
  // inbound, handshake
  'no-private-key',
  'invalid-handshake', // authentication or a low-order point
  'unknown-peer',
  'replayed-initiation', // timestamp not greater than the last one
  'initiation-flood', // within 1/50 s of the last one of this peer
  'unexpected-response',
  'unexpected-cookie',
  'invalid-cookie',
  // inbound, transport
  'expired-keypair',
  'counter-limit',
  'invalid-tag',
  'replayed-counter',
  'malformed-packet', // inner version or length
  'disallowed-source', // cryptokey routing: the source belongs to another peer or to none
  // outbound
  'not-ip',
  'no-peer', // no allowed-IPs entry for the destination
  'no-endpoint',
  'peer-unusable', // low-order public key, or the engine has no private key
  'packet-too-big',
  'routing-loop', // a datagram of ours that would go into the tunnel of its own peer
  'staged-overflow', // oldest dropped for a newer one
  'handshake-timeout', // staged packets dropped after Rekey-Attempt-Time
  'peer-removed',
  'link-down',
  // the device: the world around the engine
  'tun-malformed',
  'tun-write-failed',
  'send-failed',
  'receive-truncated',
  'receive-malformed', // control data or segment size of a message make no sense
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** Whom a drop was about. A source is not authentic: anybody can send in anybody's name. */
export interface DropSubject {
  peer: PublicKey | undefined;
  source: Endpoint | undefined;
}

/** Counts per reason. Plain numbers in one array, so that counting allocates nothing. */
export class DropCounters {
  readonly #counts: Float64Array = new Float64Array(DROP_REASONS.length);
  /** Made when there is something to note: most peers have none. */
  #subjects: DropSubject[] | undefined = undefined;

  /** Counts one drop, or `count` of them. */
  add(reason: DropReason, count = 1): void {
    const index = INDEX_OF_REASON[reason];
    this.#counts[index] += count;
  }

  /** Notes whom the last drop of this reason was about. What is not known leaves what is noted. */
  concern(reason: DropReason, peer: PublicKey | undefined, source?: Endpoint): void {
    this.#subjects ??= DROP_REASONS.map(() => ({ peer: undefined, source: undefined }));
    const subject = this.#subjects[INDEX_OF_REASON[reason]];
    if (peer !== undefined) subject.peer = peer;
    if (source !== undefined) subject.source = source;
  }

  /** Whom the last drop of this reason was about, and forgets it. */
  takeSubject(reason: DropReason): DropSubject {
    const index = INDEX_OF_REASON[reason];
    const subject = this.#subjects?.[index];
    if (!this.#subjects || !subject) return { peer: undefined, source: undefined };
    this.#subjects[index] = { peer: undefined, source: undefined };
    return subject;
  }

  count(reason: DropReason): number {
    return this.#counts[INDEX_OF_REASON[reason]];
  }

  /** All reasons that occurred. A new object each time. */
  toJSON(): Partial<Record<DropReason, number>> {
    const seen: Partial<Record<DropReason, number>> = {};
    for (const reason of DROP_REASONS) {
      const count = this.count(reason);
      if (count > 0) seen[reason] = count;
    }
    return seen;
  }
}

const INDEX_OF_REASON = Object.fromEntries(
  DROP_REASONS.map((reason, index) => [reason, index]),
) as Record<DropReason, number>;
