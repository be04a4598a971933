/**
 * Why a datagram or packet was dropped. Network input never throws: functions return a reason,
 * which is counted for the engine and, if the peer is known, for that peer.
 *
 * @module
 */
import type { Endpoint } from './endpoint.ts';
import type { StateCodec } from './hand-over/state-codec.ts';
import type { PublicKey } from './keys.ts';

/** All reasons in a fixed order. The position is the index in `DropCounters`. */
export const DROP_REASONS = [
  // inbound, before authentication
  'too-short',
  'unknown-message-type',
  'reserved-bits-set',
  'wrong-length',
  'bad-mac1',
  'under-load', // a cookie reply was sent, and the message was not answered
  'rate-limited',
  'handshake-overflow', // the queue was full, or the message waited too long
  'unknown-index',
  // inbound, handshake
  'no-private-key',
  'invalid-handshake', // not authentic, or with a low-order point
  'unknown-peer',
  'replayed-initiation', // the timestamp is not greater than the peer's last timestamp
  'initiation-flood', // less than 20 ms after the last initiation of this peer
  'unexpected-response',
  'unexpected-cookie',
  'invalid-cookie',
  // inbound, transport
  'expired-keypair',
  'counter-limit',
  'invalid-tag',
  'replayed-counter',
  'malformed-packet', // the inner packet has a wrong version or length
  'disallowed-source', // cryptokey routing: the source address does not belong to this peer
  // outbound
  'not-ip',
  'no-peer', // no allowed IP contains the destination
  'no-endpoint',
  'peer-unusable', // low-order public key, or the engine has no private key
  'packet-too-big',
  'routing-loop', // our own datagram would loop through the tunnel
  'staged-overflow', // the oldest staged packet was dropped for a new packet
  'handshake-timeout', // staged packets were dropped because the handshake was given up
  'peer-removed',
  'link-down',
  // counted by the device, outside the engine
  'tun-malformed',
  'tun-write-failed',
  'send-failed',
  'receive-truncated',
  'receive-malformed', // the control data or segment size of a datagram make no sense
] as const;

/** Why a packet or a message was dropped: one of `DROP_REASONS`. */
export type DropReason = (typeof DROP_REASONS)[number];

/**
 * The last known peer and the last known source of the drops for one reason. They may belong to two
 * different drops: for some drops only the peer is known, for others only the source.
 */
export interface DropDetails {
  lastPeer: PublicKey | undefined;
  /** The source is not authenticated, because anybody can forge a source address. */
  lastSource: Endpoint | undefined;
}

/**
 * Counts drops per reason. The counters are numbers in one typed array, so counting allocates
 * nothing.
 */
export class DropCounters {
  readonly #counts: Float64Array = new Float64Array(DROP_REASONS.length);
  /** Created with the first details, because most peers have none. */
  #details: DropDetails[] | undefined = undefined;

  /** Adds `count` drops. */
  add(reason: DropReason, count = 1): void {
    const index = INDEX_OF_REASON[reason];
    this.#counts[index] += count;
  }

  /**
   * Remembers the peer and the source of a drop for this reason. If an argument is undefined, the
   * value that was remembered before stays.
   */
  noteDetails(reason: DropReason, peer: PublicKey | undefined, source?: Endpoint): void {
    this.#details ??= DROP_REASONS.map(() => ({ lastPeer: undefined, lastSource: undefined }));
    const details = this.#details[INDEX_OF_REASON[reason]];
    if (peer !== undefined) details.lastPeer = peer;
    if (source !== undefined) details.lastSource = source;
  }

  /** Returns the last known peer and source of the drops for this reason, and forgets them. */
  takeDetails(reason: DropReason): DropDetails {
    const index = INDEX_OF_REASON[reason];
    const details = this.#details?.[index];
    if (!this.#details || !details) return { lastPeer: undefined, lastSource: undefined };
    this.#details[index] = { lastPeer: undefined, lastSource: undefined };
    return details;
  }

  /** Returns how many drops there were for this reason. */
  count(reason: DropReason): number {
    return this.#counts[INDEX_OF_REASON[reason]];
  }

  /**
   * Saves or restores the counts for a hand-over. They are saved with the names of the reasons, so
   * that a version of Litz with other reasons can read them. Reading ignores a name that is not in
   * `DROP_REASONS`.
   */
  code(codec: StateCodec): void {
    const counts = Object.entries(this.toJSON());
    const length = codec.number(counts.length);
    for (let i = 0; i < length; i++) {
      const [reason, count] = counts[i] ?? ['', 0];
      const name = codec.text(reason);
      const index = INDEX_OF_REASON[name as DropReason] as number | undefined;
      const value = codec.number(count);
      if (codec.isReading && index !== undefined) this.#counts[index] = value;
    }
  }

  /** Returns a new object with the counts of all reasons that occurred. */
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
