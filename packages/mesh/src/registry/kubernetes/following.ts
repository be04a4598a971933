/**
 * `Following`: a running watch that the caller stops.
 *
 * @module
 */
import type { Clock } from '../clock.ts';

export interface Following {
  /** Stops the watch. Resolves when no request is in progress. */
  stop(): Promise<void>;
}

export interface FollowOptions {
  readonly clock?: Clock;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
}
