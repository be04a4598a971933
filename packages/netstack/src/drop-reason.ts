/**
 * Why a packet was dropped: `DROP_REASONS`, and `DropCounters`, which counts them. Network input
 * never throws and never makes an error.
 *
 * @module
 */

/** All reasons, in the order in which a packet meets them. */
export const DROP_REASONS = [
  // The IP header.
  'malformed-ip',
  'bad-ip-checksum',
  'bad-source',
  'not-ours',
  'source-route',
  'bad-extension-header',
  'unknown-protocol',
  // Fragments.
  'malformed-fragment',
  'overlapping-fragment',
  'too-many-fragments',
  'fragment-timeout',
  'fragment-ecn',
  // ICMP.
  'malformed-icmp',
  'bad-icmp-checksum',
  'unexpected-icmp',
  // UDP.
  'malformed-udp',
  'bad-udp-checksum',
  'closed-udp-port',
  'full-receive-queue',
  // TCP.
  'malformed-tcp',
  'bad-tcp-checksum',
  'closed-tcp-port',
  'full-backlog',
  // Output.
  'full-output-queue',
  'no-memory',
] as const;

/** Why a packet was dropped. */
export type DropReason = (typeof DROP_REASONS)[number];

/** How many packets were dropped for each reason. */
export class DropCounters {
  readonly #counts = new Map<DropReason, number>(DROP_REASONS.map((reason) => [reason, 0]));

  /** Adds one. */
  count(reason: DropReason): void {
    this.#counts.set(reason, this.of(reason) + 1);
  }

  /** Returns the count of a reason. */
  of(reason: DropReason): number {
    return this.#counts.get(reason) ?? 0;
  }

  /** Returns the reasons whose count is not 0, with their counts. */
  toJSON(): Partial<Record<DropReason, number>> {
    return Object.fromEntries([...this.#counts].filter(([, count]) => count > 0));
  }
}
