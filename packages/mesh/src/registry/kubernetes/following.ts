/**
 * `Following`: a watch that somebody else stops.
 *
 * @module
 */
import type { Clock } from './clock.ts';

export interface Following {
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
}

export interface FollowOptions {
  readonly clock?: Clock;
  /** From 0 up to, not including, 1. */
  readonly random?: () => number;
}
