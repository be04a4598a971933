/**
 * `Following`: a running watch that the caller stops.
 *
 * @module
 */
import type { Clock } from '../clock.ts';

/** Objects of Kubernetes that are being followed. */
export interface Following {
  /** Stops the watch. Resolves when no request is in progress. */
  stop(): Promise<void>;
}

/** Options for following objects of Kubernetes. Both are for tests. */
export interface FollowOptions {
  readonly clock?: Clock;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
}
