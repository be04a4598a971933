/**
 * `removeStartTaint`: takes the taint of the own Node away that keeps pods off until the tunnel stands.
 * Nothing else of a Node is ever written.
 *
 * @module
 */
import type { KubeApi } from './kube-api.ts';
import { KubeError } from './kube-error.ts';
import { fieldsOf } from './kube-resource.ts';
import { NODES } from './kube-resources.ts';

/**
 * @param key of the taint, with whatever value and effect
 * @returns whether there was one
 * @throws {KubeError} it can't be taken away
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
      // Others change this list as well: the test refuses the change where it is another taint by now.
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

/** What the chart calls it. */
export const START_TAINT = 'node.litz.dev/agent-not-ready';

const TRIES = 10;
