/**
 * `removeStartTaint`, `keepRemovingStartTaint`: remove a taint from the agent's own Node. The taint
 * keeps pods off the node until the tunnel works. The agent never writes any other part of a Node.
 *
 * @module
 */
import { DecorrelatedJitter } from '../decorrelated-jitter.ts';
import { sleep, systemClock, type Clock } from '../clock.ts';
import type { KubeApi } from './kube-api.ts';
import { KubeError } from './kube-error.ts';
import { fieldsOf } from './kube-resource.ts';
import { NODES } from './kube-resources.ts';

/**
 * Removes the taint.
 *
 * @param key the key of the taint; its value and effect do not matter
 * @returns true if there was a taint
 * @throws {KubeError} the taint cannot be removed
 */
export async function removeStartTaint(
  api: KubeApi,
  name: string,
  key: string = START_TAINT,
): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    const taints = fieldsOf((await api.read(NODES, name))?.spec)?.['taints'];
    const list = Array.isArray(taints) ? (taints as unknown[]) : [];
    const index = list.findIndex((taint) => fieldsOf(taint)?.['key'] === key);
    if (index === -1) return tries > 1;
    const path = `/spec/taints/${index}`;
    try {
      // Other writers change this list too. If another taint is at this index by then, the test
      // operation fails and nothing is changed.
      await api.patch(NODES, name, [
        { op: 'test', path, value: list[index] },
        { op: 'remove', path },
      ]);
    } catch (error) {
      const isChanged = error instanceof KubeError && [409, 422].includes(error.status);
      if (!isChanged || tries === TRIES) throw error;
    }
  }
}

/** Options of `keepRemovingStartTaint`. */
export interface StartTaintOptions {
  /** The key of the taint, for example `START_TAINT`. */
  readonly key: string;
  /** An abort of this signal ends the attempts. */
  readonly signal: AbortSignal;
  /**
   * Called with the reason why the taint could not be removed, or with undefined when the node does
   * not have the taint.
   */
  readonly onTrouble: (trouble: string | undefined) => void;
  readonly clock?: Clock;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
}

/**
 * Removes the start taint from a node, and tries again after a failure, because a node with this
 * taint gets only pods that tolerate the taint.
 *
 * @returns true if the node had the taint; undefined if `signal` ended the attempts
 */
export async function keepRemovingStartTaint(
  api: KubeApi,
  name: string,
  { key, signal, onTrouble, clock = systemClock, random = Math.random }: StartTaintOptions,
): Promise<boolean | undefined> {
  const jitter = new DecorrelatedJitter({ base: 1000, cap: 60_000, random });
  while (!signal.aborted) {
    try {
      const wasThere = await removeStartTaint(api, name, key);
      onTrouble(undefined);
      return wasThere;
    } catch (error) {
      if (!signal.aborted) onTrouble((error as Error).message);
      await sleep(clock, jitter.next(), signal);
    }
  }
  return undefined;
}

/** The key of the taint in the Helm chart. */
export const START_TAINT = 'node.litz.dev/agent-not-ready';

/** How many times the removal is tried while other writers change the list of taints. */
const TRIES = 10;
