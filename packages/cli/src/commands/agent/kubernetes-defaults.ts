/**
 * `kubernetesDefaults`: asks Kubernetes about this node, and fills in the flags that were left out.
 *
 * @module
 */
import { hostname } from 'node:os';
import { formatCidr } from '@litz/core';
import {
  DEFAULT_OPT_OUT,
  findClusterPrefixes,
  findKubeAccess,
  findServicePrefixes,
  followOwnNode,
  KubeApi,
  LabelSelector,
  type FoundPrefixes,
  type KubeNode,
} from '@litz/mesh';
import { Failure } from '../../failure.ts';
import type { AgentFlags } from './agent-flags.ts';

export interface KubernetesDefaults {
  readonly api: KubeApi;
  /**
   * The given flags. The node's name, its addresses, its opt-out, and the prefixes of pods and
   * services are filled in where they were left out.
   */
  readonly flags: AgentFlags;
  /** What was found and where, one sentence each, for the log. */
  readonly findings: readonly string[];
}

/**
 * @param open opens the connection to the API server; default: from the flags
 * @throws {Failure} (rejects) the API server cannot be reached, or does not know the node, its
 *   addresses, or the prefixes of pods, which `enforce` needs; the message names what is missing
 * @throws {KubeError} (rejects) no access to the API server is configured, or the configured access
 *   cannot be used
 * @throws {RangeError} (rejects) the selector of `--opt-out` is wrong
 */
export async function kubernetesDefaults(
  flags: AgentFlags,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  open: (flags: AgentFlags) => KubeApi = openKubeApi,
): Promise<KubernetesDefaults> {
  const { optOut = DEFAULT_OPT_OUT } = flags;
  // A wrong selector is a mistake in the command line, so it is checked before the server is asked.
  const selector = typeof optOut === 'string' ? new LabelSelector(optOut) : undefined;
  const api = open(flags);
  const name = flags.node ?? env['NODE_NAME'] ?? hostname();
  try {
    const node = await ownNode(api, name, signal);
    const hasOptedOut = optOut === true || selector?.matches(node.labels) === true;
    return { api, ...(await filledIn(api, flags, node, hasOptedOut)) };
  } catch (error) {
    api.close();
    throw error;
  }
}

/**
 * Opens the connection to the API server that the flags name. Nothing is sent yet.
 *
 * @throws {KubeError} no access is configured, or a file that the access needs cannot be used
 */
export function openKubeApi({ kubeconfig, kubeContext }: AgentFlags): KubeApi {
  return new KubeApi(
    findKubeAccess({
      ...(kubeconfig !== undefined && { kubeconfig }),
      ...(kubeContext !== undefined && { context: kubeContext }),
    }),
  );
}

async function filledIn(
  api: KubeApi,
  given: AgentFlags,
  node: KubeNode,
  hasOptedOut: boolean,
): Promise<Pick<KubernetesDefaults, 'flags' | 'findings'>> {
  const { optOut: _, ...flags } = given;
  const nodeIp = flags.nodeIp ?? firstOfEachFamily(node);
  const cluster = flags.clusterPrefix ? undefined : await clusterPrefixes(api, flags, node, nodeIp);
  const service = flags.servicePrefix
    ? undefined
    : await findServicePrefixes(api, { addresses: nodeIp });
  const found = { 'pods of the cluster': cluster, services: service };
  return {
    flags: {
      ...flags,
      node: node.name,
      nodeIp,
      ...(hasOptedOut && flags.encrypt !== 'all' && { optOut: true as const }),
      ...(cluster && { clusterPrefix: cluster.prefixes.map(formatCidr) }),
      ...(service && { servicePrefix: service.prefixes.map(formatCidr) }),
    },
    findings: Object.entries(found).flatMap(([what, said]) => (said ? describe(what, said) : [])),
  };
}

async function clusterPrefixes(
  api: KubeApi,
  { prefixes = 'node', enforcement }: AgentFlags,
  node: KubeNode,
  addresses: readonly string[],
): Promise<FoundPrefixes> {
  const kind = prefixes === 'calico' || prefixes === 'cilium' ? prefixes : 'node';
  const podPrefixes = prefixes === 'node' ? node.podCidrs : staticOf(prefixes);
  const found = await findClusterPrefixes(api, kind, { podPrefixes, addresses });
  if (found.prefixes.length > 0 || enforcement !== 'enforce') return found;
  throw new Failure(
    '--enforcement enforce needs --cluster-prefix CIDR,... with all addresses of pods: Kubernetes ' +
      `does not give them (${found.source})`,
    { exitCode: 2 },
  );
}

/** Returns the static prefixes of the flag, unchecked; they are checked with the other flags. */
function staticOf(prefixes: string): string[] {
  return prefixes.startsWith(STATIC) ? prefixes.slice(STATIC.length).split(',') : [];
}

function describe(what: string, { prefixes, source }: FoundPrefixes): string {
  if (prefixes.length > 0) return `${what}: ${prefixes.map(formatCidr).join(' ')}, from ${source}`;
  return `${what}: not known, because Kubernetes does not give them (${source})`;
}

/**
 * Waits until Kubernetes returns the node. Gives up after 30 s, or when `signal` is aborted.
 */
async function ownNode(api: KubeApi, name: string, signal: AbortSignal): Promise<KubeNode> {
  let trouble = 'it does not answer';
  let following: ReturnType<typeof followOwnNode> | undefined;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await new Promise<KubeNode>((resolve, reject) => {
      const giveUp = (): void => reject(new Failure(`Kubernetes: ${trouble}`));
      signal.addEventListener('abort', giveUp, { once: true });
      timeout.addEventListener('abort', giveUp, { once: true });
      following = followOwnNode(api, name, {
        onNode: (node) => {
          if (node) resolve(node);
          else trouble = `there is no Node ${name}: give --node NAME as kubectl get nodes shows it`;
        },
        onTrouble: (text) => {
          trouble = text ?? trouble;
        },
      });
    });
  } finally {
    await following?.stop();
  }
}

function firstOfEachFamily({ name, addresses }: KubeNode): string[] {
  const found = [
    addresses.find((address) => !isIPv6(address)),
    addresses.find((address) => isIPv6(address)),
  ].filter((address) => address !== undefined);
  if (found.length > 0) return found;
  throw new Failure(`Node ${name} has no InternalIP: give --node-ip IP[,IP]`);
}

function isIPv6(address: string): boolean {
  return address.includes(':');
}

const STATIC = 'static:';
const TIMEOUT_MS = 30_000;
