/**
 * `removeStartTaint`: removes the taint from the agent's own Node that keeps pods off the node
 * until the tunnel works. The agent never writes any other part of a Node.
 *
 * @module
 */
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

/** The name of the taint in the Helm chart. */
export const START_TAINT = 'node.litz.dev/agent-not-ready';

const TRIES = 10;
