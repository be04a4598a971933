/**
 * Challenge ACKs (RFC 5961): a segment that an attacker may have guessed changes nothing, and is
 * answered with the true sequence numbers.
 *
 * @module
 */
import type { StackState } from '../stack-state.ts';
import type { Connection } from './connection.ts';

/**
 * Answers with an ACK, if not too many were sent (RFC 5961 7): one per half second for each
 * connection, and a limited number for all connections together.
 *
 * @returns false: the segment must be dropped
 */
export function challenge({ now, tcp }: StackState, c: Connection): false {
  const { receiving } = c;
  if (now - receiving.challengedAt < INTERVAL_MS || !tcp.challenges.take(now)) return false;
  receiving.challengedAt = now;
  c.needsAck = true;
  return false;
}

/** tcp_invalid_ratelimit of Linux. */
const INTERVAL_MS = 500;
