/**
 * `findClusterPrefixes`: finds the prefixes of all pods and of all services, if settings in
 * Kubernetes contain them.
 * ```
 *   --prefixes calico   IPPool objects
 *   --prefixes cilium   cilium-config: cluster-pool-ipv4-cidr, cluster-pool-ipv6-cidr
 *   always              kubeadm-config, then flannel's net-conf.json, kube-proxy's clusterCIDR and
 *                       the command line of kube-controller-manager
 * ```
 *
 * The first source that fits this node is used: its prefixes must contain the pod prefixes of this
 * node, and must not contain an address of the node itself. The `podCIDRs` of the Nodes are not
 * used: they cover only today's nodes, and the pods of a node that joins tomorrow would be outside.
 *
 * @module
 */
import { formatCidr, parseAddress, parseCidr, type Cidr } from '@litz/core';
import { covers, hostPrefix } from '../../record/cidr-relations.ts';
import type { KubeApi } from './kube-api.ts';
import { textOfError } from './kube-error.ts';
import { fieldsOf, textsOf, type KubeObject, type KubeResource } from './kube-resource.ts';
import { CONFIG_MAPS, IP_POOLS, PODS, SERVICE_CIDRS } from './kube-resources.ts';

/** Prefixes that were found in the settings of a cluster, and where. */
export interface FoundPrefixes {
  /** The prefixes. Empty if no source has them. */
  readonly prefixes: readonly Cidr[];
  /**
   * The source of the prefixes, for messages. If there are no prefixes, this is the list of all
   * sources that were tried, with what is wrong with each.
   */
  readonly source: string;
}

/** The facts about this node, as text. The prefixes that are found must fit these facts. */
export interface NodeToCover {
  /** The pod prefixes of the node, as far as they are known. The found prefixes must cover them. */
  readonly podPrefixes: readonly string[];
  /**
   * The addresses of the node. The found prefixes must not cover these addresses, because then no
   * other node could reach this node.
   */
  readonly addresses: readonly string[];
}

/**
 * Finds the prefixes of all pods.
 *
 * @param kind which component assigns the pod prefixes of a node
 */
export async function findClusterPrefixes(
  api: KubeApi,
  kind: 'node' | 'calico' | 'cilium',
  node: NodeToCover,
): Promise<FoundPrefixes> {
  return firstOf([...(SOURCES_OF_KIND[kind] ?? []), ...COMMON_SOURCES], api, node);
}

/** Finds the prefixes of all services. No node may claim addresses in them. */
export async function findServicePrefixes(
  api: KubeApi,
  node: Pick<NodeToCover, 'addresses'>,
): Promise<FoundPrefixes> {
  return firstOf(SERVICE_SOURCES, api, { ...node, podPrefixes: [] });
}

/**
 * Reads the prefixes from one source.
 *
 * @returns the prefixes as text; undefined if the source does not exist
 */
type Read = (api: KubeApi) => Promise<readonly string[] | undefined>;
interface Source {
  readonly name: string;
  readonly read: Read;
}

async function firstOf(
  sources: readonly Source[],
  api: KubeApi,
  node: NodeToCover,
): Promise<FoundPrefixes> {
  const reasons: string[] = [];
  for (const { name, read } of sources) {
    try {
      const texts = await read(api);
      const prefixes = texts && readCidrs(texts);
      const reason = refusalOf(prefixes, node);
      if (prefixes && reason === undefined) return { prefixes, source: name };
      reasons.push(`${name}: ${reason}`);
    } catch (error) {
      reasons.push(`${name}: ${textOfError(error)}`);
    }
  }
  return { prefixes: [], source: reasons.join('; ') };
}

function refusalOf(
  prefixes: readonly Cidr[] | undefined,
  { podPrefixes, addresses }: NodeToCover,
): string | undefined {
  if (!prefixes) return 'does not exist';
  if (prefixes.length === 0) return 'has no prefix';
  const isFound = (cidr: Readonly<Cidr>): boolean => prefixes.some((wide) => covers(wide, cidr));
  const said = `names ${prefixes.map(formatCidr).join(',')}`;
  const outside = readCidrs(podPrefixes).find((cidr) => !isFound(cidr));
  if (outside) return `${said}, which does not cover this node's pods ${formatCidr(outside)}`;
  const inside = addresses.find((address) => isFound(hostPrefix(parseAddress(address))));
  return inside === undefined
    ? undefined
    : `${said}, which covers this node's own address ${inside}`;
}

/** Parses prefixes. One text may contain several, separated by commas or spaces. */
function readCidrs(texts: readonly string[]): Cidr[] {
  return texts
    .flatMap((text) => text.split(/[\s,]+/))
    .filter((text) => text !== '')
    .map((text) => parseCidr(text));
}

async function textIn(api: KubeApi, configMap: ConfigMapField): Promise<string | undefined> {
  const { namespace, name, field } = configMap;
  const map = await api.read({ ...CONFIG_MAPS, namespace }, name);
  if (!map) return undefined;
  const text = fieldsOf(map['data'])?.[field];
  return typeof text === 'string' ? text : '';
}

interface ConfigMapField {
  readonly namespace: string;
  readonly name: string;
  readonly field: string;
}

/**
 * Returns a list with the value of `key` in a block mapping of YAML. The list is empty if there is
 * no value. No other form of YAML is needed here.
 */
function yamlValue(text: string, key: string): string[] {
  const [, value] = new RegExp(`^\\s*${key}:[ \\t]*["']?([^"'#\\s]*)`, 'm').exec(text) ?? [];
  return value === undefined || value === '' ? [] : [value];
}

function inYaml(configMap: ConfigMapField, key: string): Read {
  return async (api) => {
    const text = await textIn(api, configMap);
    return text === undefined ? undefined : yamlValue(text, key);
  };
}

function inFlannel(namespace: string): Read {
  return async (api) => {
    const text = await textIn(api, { namespace, name: 'kube-flannel-cfg', field: 'net-conf.json' });
    if (text === undefined) return undefined;
    const { Network, IPv6Network } = fieldsOf(JSON.parse(text)) ?? {};
    return textsOf([Network, IPv6Network]);
  };
}

async function inCiliumConfig(api: KubeApi): Promise<string[] | undefined> {
  const map = await api.read({ ...CONFIG_MAPS, namespace: SYSTEM }, 'cilium-config');
  const data = map && (fieldsOf(map['data']) ?? {});
  return data && textsOf([data['cluster-pool-ipv4-cidr'], data['cluster-pool-ipv6-cidr']]);
}

async function inControllerManager(api: KubeApi): Promise<string[] | undefined> {
  const pods = await all(api, PODS, 'component=kube-controller-manager');
  const [pod] = pods;
  if (!pod) return undefined;
  const containers = fieldsOf(pod.spec)?.['containers'];
  const words = (Array.isArray(containers) ? containers.map(fieldsOf) : []).flatMap((container) => [
    ...textsOf(container?.['command']),
    ...textsOf(container?.['args']),
  ]);
  const flag = '--cluster-cidr=';
  return words.filter((word) => word.startsWith(flag)).map((word) => word.slice(flag.length));
}

/**
 * Reads all pools, also disabled ones, because pods may still have addresses of a disabled pool.
 */
async function inPools(api: KubeApi): Promise<string[]> {
  const pools = (await all(api, IP_POOLS)).map(({ spec }) => fieldsOf(spec));
  const ofPods = pools.filter((spec) => {
    const uses = textsOf(spec?.['allowedUses']);
    return uses.length === 0 || uses.includes('Workload');
  });
  return textsOf(ofPods.map((spec) => spec?.['cidr']));
}

async function inServiceCidrs(api: KubeApi): Promise<string[]> {
  return (await all(api, SERVICE_CIDRS)).flatMap(({ spec }) => textsOf(fieldsOf(spec)?.['cidrs']));
}

async function all(
  api: KubeApi,
  resource: KubeResource,
  labelSelector?: string,
): Promise<KubeObject[]> {
  const found: KubeObject[] = [];
  for await (const { items } of api.list(resource, labelSelector ? { labelSelector } : {})) {
    found.push(...items);
  }
  return found;
}

const SYSTEM = 'kube-system';
const KUBEADM: ConfigMapField = {
  namespace: SYSTEM,
  name: 'kubeadm-config',
  field: 'ClusterConfiguration',
};
const KUBE_PROXY: ConfigMapField = { namespace: SYSTEM, name: 'kube-proxy', field: 'config.conf' };

const SOURCES_OF_KIND: Readonly<Record<string, readonly Source[]>> = {
  calico: [{ name: "Calico's IPPools", read: inPools }],
  cilium: [{ name: 'cilium-config', read: inCiliumConfig }],
};
const COMMON_SOURCES: readonly Source[] = [
  { name: 'podSubnet of kubeadm-config', read: inYaml(KUBEADM, 'podSubnet') },
  { name: 'kube-flannel-cfg', read: inFlannel('kube-flannel') },
  { name: 'kube-flannel-cfg of kube-system', read: inFlannel(SYSTEM) },
  { name: 'clusterCIDR of kube-proxy', read: inYaml(KUBE_PROXY, 'clusterCIDR') },
  { name: '--cluster-cidr of kube-controller-manager', read: inControllerManager },
];
const SERVICE_SOURCES: readonly Source[] = [
  { name: 'ServiceCIDR objects', read: inServiceCidrs },
  { name: 'serviceSubnet of kubeadm-config', read: inYaml(KUBEADM, 'serviceSubnet') },
];
