/**
 * `findClusterPrefixes`: the prefixes of all pods, and those of all services, where somebody has written
 * them down in Kubernetes.
 *
 * ```
 *   --prefixes calico   IPPool objects
 *   --prefixes cilium   cilium-config: cluster-pool-ipv4-cidr, cluster-pool-ipv6-cidr
 *   all                 kubeadm-config, then flannel's net-conf.json, kube-proxy's clusterCIDR and the
 *                       command line of kube-controller-manager
 * ```
 * The first one that has the prefixes of the own node counts. `podCIDRs` of the Nodes are no answer: they
 * are those of today, and a node that comes tomorrow would be outside.
 *
 * @module
 */
import { formatCidr, parseAddress, parseCidr, type Cidr } from '@litz/core';
import { covers, hostPrefix } from '../../record/cidr-relations.ts';
import type { KubeApi } from './kube-api.ts';
import { textOfError } from './kube-error.ts';
import { fieldsOf, textsOf, type KubeObject, type KubeResource } from './kube-resource.ts';
import { CONFIG_MAPS, IP_POOLS, PODS, SERVICE_CIDRS } from './kube-resources.ts';

export interface FoundPrefixes {
  /** Empty where nobody says them. */
  readonly prefixes: readonly Cidr[];
  /** Where they stand, for messages; of none, where they were looked for, and what is wrong there. */
  readonly source: string;
}

/** What is known of the own node, as texts: what is found has to be right for it. */
export interface NodeToCover {
  /** Of its pods, as far as they are known: they have to be among those found. */
  readonly podPrefixes: readonly string[];
  /** Of itself: they must not be, or nobody could reach it. */
  readonly addresses: readonly string[];
}

/** @param kind whose prefixes the pods of a node have */
export async function findClusterPrefixes(
  api: KubeApi,
  kind: 'node' | 'calico' | 'cilium',
  node: NodeToCover,
): Promise<FoundPrefixes> {
  return firstOf([...(OF_KIND[kind] ?? []), ...OF_ALL], api, node);
}

/** No node may have addresses of services. */
export async function findServicePrefixes(
  api: KubeApi,
  node: Pick<NodeToCover, 'addresses'>,
): Promise<FoundPrefixes> {
  return firstOf(OF_SERVICES, api, { ...node, podPrefixes: [] });
}

/** @returns texts; undefined where the source isn't there */
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
  if (!prefixes) return 'is not there';
  if (prefixes.length === 0) return 'says none';
  const isFound = (cidr: Readonly<Cidr>): boolean => prefixes.some((wide) => covers(wide, cidr));
  const said = `says ${prefixes.map(formatCidr).join(',')}`;
  const outside = readCidrs(podPrefixes).find((cidr) => !isFound(cidr));
  if (outside) return `${said}, without this node's pods ${formatCidr(outside)}`;
  const inside = addresses.find((address) => isFound(hostPrefix(parseAddress(address))));
  return inside === undefined ? undefined : `${said}, with this node's own address ${inside}`;
}

/** A list may stand in one text, with commas or spaces. */
function readCidrs(texts: readonly string[]): Cidr[] {
  return texts
    .flatMap((text) => text.split(/[\s,]+/))
    .filter((text) => text !== '')
    .map((text) => parseCidr(text));
}

async function textIn(api: KubeApi, place: Place): Promise<string | undefined> {
  const { namespace, name, field } = place;
  const map = await api.read({ ...CONFIG_MAPS, namespace }, name);
  if (!map) return undefined;
  const text = fieldsOf(map['data'])?.[field];
  return typeof text === 'string' ? text : '';
}

interface Place {
  readonly namespace: string;
  readonly name: string;
  readonly field: string;
}

/** Of one scalar of a block mapping, which is all that is needed of YAML here. */
function yamlValue(text: string, key: string): string[] {
  const [, value] = new RegExp(`^\\s*${key}:[ \\t]*["']?([^"'#\\s]*)`, 'm').exec(text) ?? [];
  return value === undefined || value === '' ? [] : [value];
}

function inYaml(place: Place, key: string): Read {
  return async (api) => {
    const text = await textIn(api, place);
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

/** Also those that are disabled: pods may still have their addresses. */
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
const KUBEADM: Place = {
  namespace: SYSTEM,
  name: 'kubeadm-config',
  field: 'ClusterConfiguration',
};
const KUBE_PROXY: Place = { namespace: SYSTEM, name: 'kube-proxy', field: 'config.conf' };

const OF_KIND: Readonly<Record<string, readonly Source[]>> = {
  calico: [{ name: "Calico's IPPools", read: inPools }],
  cilium: [{ name: 'cilium-config', read: inCiliumConfig }],
};
const OF_ALL: readonly Source[] = [
  { name: 'podSubnet of kubeadm-config', read: inYaml(KUBEADM, 'podSubnet') },
  { name: 'kube-flannel-cfg', read: inFlannel('kube-flannel') },
  { name: 'kube-flannel-cfg of kube-system', read: inFlannel(SYSTEM) },
  { name: 'clusterCIDR of kube-proxy', read: inYaml(KUBE_PROXY, 'clusterCIDR') },
  { name: '--cluster-cidr of kube-controller-manager', read: inControllerManager },
];
const OF_SERVICES: readonly Source[] = [
  { name: 'ServiceCIDR objects', read: inServiceCidrs },
  { name: 'serviceSubnet of kubeadm-config', read: inYaml(KUBEADM, 'serviceSubnet') },
];
