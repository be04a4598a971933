/**
 * Follows the pod prefixes of a node that are not in its Node object, but in Calico's
 * `BlockAffinity` objects or in the node's `CiliumNode`.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { textOfError } from './kube-error.ts';
import type { FollowOptions, Following } from './following.ts';
import type { KubeApi } from './kube-api.ts';
import { fieldsOf, textsOf, type KubeObject } from './kube-resource.ts';
import { BLOCK_AFFINITIES, CILIUM_NODES, IPAM_CONFIGS } from './kube-resources.ts';
import { ListAndWatch } from './list-and-watch.ts';

/** Receives the prefixes of a node. */
export interface PrefixTextListener {
  /**
   * Called at the start and after each change with the sorted prefixes as text. They are not
   * checked.
   */
  onPrefixes(prefixes: readonly string[]): void;
  /** Called when the trouble changes, with undefined when the trouble is over. */
  onTrouble(trouble: string | undefined): void;
}

/**
 * Follows the blocks that Calico has assigned to the node. The watch gets the blocks of all nodes,
 * because the API server cannot select them by node.
 */
export function followCalicoBlocks(
  api: KubeApi,
  node: string,
  listener: PrefixTextListener,
  options: FollowOptions = {},
): Following {
  const blocks = new Map<string, string>();
  const report = reportChanges(listener);
  const put = (name: string, cidr: string | undefined): void => {
    if (cidr === undefined) blocks.delete(name);
    else blocks.set(name, cidr);
  };
  const watching = new ListAndWatch<string | undefined>(
    api,
    BLOCK_AFFINITIES,
    {
      onSync: (found) => {
        blocks.clear();
        for (const [name, cidr] of found) put(name, cidr);
        report(blocks.values());
      },
      onObject: (name, cidr) => {
        put(name, cidr);
        report(blocks.values());
      },
      onDeleted: (name) => {
        blocks.delete(name);
        report(blocks.values());
      },
      onTrouble: (trouble) => listener.onTrouble(trouble),
    },
    { ...options, read: (object) => blockOf(object, node) },
  );
  watching.start();
  return watching;
}

/**
 * Follows the prefixes in the `CiliumNode` of the node. The list of prefixes is empty while there
 * is no such object.
 */
export function followCiliumPrefixes(
  api: KubeApi,
  node: string,
  listener: PrefixTextListener,
  options: FollowOptions = {},
): Following {
  const report = reportChanges(listener);
  const watching = new ListAndWatch<readonly string[]>(
    api,
    CILIUM_NODES,
    {
      onSync: (found) => report(found.get(node) ?? []),
      onObject: (name, prefixes) => name === node && report(prefixes),
      onDeleted: (name) => name === node && report([]),
      onTrouble: (trouble) => listener.onTrouble(trouble),
    },
    { ...options, fieldSelector: `metadata.name=${node}`, read: podCidrsOf },
  );
  watching.start();
  return watching;
}

/**
 * Returns the reason why Calico's blocks cannot be used as the prefixes of nodes; undefined if they
 * can be used. Without strict affinity, a node may use single addresses of another node's block.
 * The traffic to these addresses would go to the other node.
 */
export async function calicoRefusal(api: KubeApi): Promise<string | undefined> {
  let strict: unknown;
  try {
    strict = fieldsOf((await api.read(IPAM_CONFIGS, 'default'))?.spec)?.['strictAffinity'];
  } catch (error) {
    return `cannot read whether Calico's IPAM has strict affinity: ${textOfError(error)}`;
  }
  return strict === true
    ? undefined
    : "Calico's nodes may use addresses of each other's blocks: set strict affinity (calicoctl ipam configure --strictaffinity=true)";
}

/** Returns the prefix of the block if the block belongs to this node permanently. */
function blockOf({ spec }: KubeObject, node: string): string | undefined {
  const block = fieldsOf(spec);
  const { cidr, state = 'confirmed', deleted, type = 'host' } = block ?? {};
  const isOwn = block?.['node'] === node && type === 'host';
  // "pending": another node may still get the block. "pendingDeletion": the block is moving to
  // another node.
  const isHeld = (state === 'confirmed' || state === '') && deleted !== 'true' && deleted !== true;
  return isOwn && isHeld && typeof cidr === 'string' ? cidr : undefined;
}

function podCidrsOf({ spec }: KubeObject): readonly string[] {
  return textsOf(fieldsOf(fieldsOf(spec)?.['ipam'])?.['podCIDRs']);
}

function reportChanges(listener: PrefixTextListener): (prefixes: Iterable<string>) => void {
  let reported: readonly string[] | undefined;
  return (prefixes) => {
    const sorted = [...new Set(prefixes)].sort();
    if (isDeepStrictEqual(reported, sorted)) return;
    reported = sorted;
    listener.onPrefixes(sorted);
  };
}
