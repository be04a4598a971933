/**
 * `followOwnNode`: follows the Node object of the node on which the agent runs: labels, pod
 * prefixes and addresses. Uses one watch of one object.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { ListAndWatch } from './list-and-watch.ts';
import type { KubeApi } from './kube-api.ts';
import { fieldsOf, textsOf, type KubeObject } from './kube-resource.ts';
import { NODES } from './kube-resources.ts';
import type { FollowOptions, Following } from './following.ts';

/** A Node of Kubernetes, as far as Litz reads it. */
export interface KubeNode {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The pod prefixes as text. They are not checked. Empty if the CNI stores them elsewhere. */
  readonly podCidrs: readonly string[];
  /** The `InternalIP` addresses, in the order of the object. */
  readonly addresses: readonly string[];
}

/** Receives the state of a Node. */
export interface KubeNodeListener {
  /**
   * Called at the start and after each change of these fields, with undefined if there is no such
   * Node.
   */
  onNode(node: KubeNode | undefined): void;
  /** Called when the trouble changes, with undefined when the trouble is over. */
  onTrouble(trouble: string | undefined): void;
}

/**
 * Follows the Node with this name until `stop` is called. Reports its labels, prefixes and
 * addresses at the start, and again when one of them changes.
 */
export function followOwnNode(
  api: KubeApi,
  name: string,
  listener: KubeNodeListener,
  options: FollowOptions = {},
): Following {
  let known: { node: KubeNode | undefined } | undefined;
  // The kubelet writes the Node every few minutes. Most of its changes do not concern these fields.
  const report = (node: KubeNode | undefined): void => {
    if (known && isDeepStrictEqual(known.node, node)) return;
    known = { node };
    listener.onNode(node);
  };
  const watching = new ListAndWatch(
    api,
    NODES,
    {
      onSync: (nodes) => report(nodes.get(name)),
      onObject: (changed, node) => changed === name && report(node),
      onDeleted: (deleted) => deleted === name && report(undefined),
      onTrouble: (trouble) => listener.onTrouble(trouble),
    },
    { ...options, fieldSelector: `metadata.name=${name}`, read: readOwnNode },
  );
  watching.start();
  return watching;
}

/**
 * Reads the fields of a Node. A field that is missing or has another type is empty, because the
 * object comes from the network.
 */
export function readOwnNode({ metadata, spec, status }: KubeObject): KubeNode {
  const { podCIDRs, podCIDR } = fieldsOf(spec) ?? {};
  const addresses = fieldsOf(status)?.['addresses'];
  const listed = Array.isArray(addresses) ? addresses.map(fieldsOf) : [];
  const internal = listed.filter((entry) => entry?.['type'] === 'InternalIP');
  const prefixes = textsOf(podCIDRs);
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    labels: metadata.labels ?? {},
    podCidrs: prefixes.length > 0 ? prefixes : textsOf([podCIDR]),
    addresses: textsOf(internal.map((entry) => entry?.['address'])),
  };
}
