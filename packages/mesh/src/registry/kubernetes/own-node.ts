/**
 * `followOwnNode`: what Kubernetes says of the node that the agent runs on, and its changes: labels,
 * prefixes of its pods, addresses. One watch, of one object.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { ListAndWatch } from './list-and-watch.ts';
import type { KubeApi } from './kube-api.ts';
import { fieldsOf, textsOf, type KubeObject } from './kube-resource.ts';
import { NODES } from './kube-resources.ts';
import type { FollowOptions, Following } from './following.ts';

export interface KubeNode {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Texts: nobody has checked them. Empty where the CNI keeps them elsewhere. */
  readonly podCidrs: readonly string[];
  /** `InternalIP` ones, in their order. */
  readonly addresses: readonly string[];
}

export interface KubeNodeListener {
  /** At first, and when something of it has changed; undefined where there is no such Node. */
  onNode(node: KubeNode | undefined): void;
  /** Undefined when it works again. */
  onTrouble(trouble: string | undefined): void;
}

export function followOwnNode(
  api: KubeApi,
  name: string,
  listener: KubeNodeListener,
  options: FollowOptions = {},
): Following {
  let known: { node: KubeNode | undefined } | undefined;
  // The kubelet writes the Node every few minutes: most of its changes are none of ours.
  const tell = (node: KubeNode | undefined): void => {
    if (known && isDeepStrictEqual(known.node, node)) return;
    known = { node };
    listener.onNode(node);
  };
  const watching = new ListAndWatch(
    api,
    NODES,
    {
      onSync: (nodes) => tell(nodes.get(name)),
      onObject: (changed, node) => changed === name && tell(node),
      onDeleted: (deleted) => deleted === name && tell(undefined),
      onTrouble: (trouble) => listener.onTrouble(trouble),
    },
    { ...options, fieldSelector: `metadata.name=${name}`, read: readOwnNode },
  );
  watching.start();
  return watching;
}

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
